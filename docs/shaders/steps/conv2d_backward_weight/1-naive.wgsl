// Step 1 of docs/shaders/conv2d-gradients.md: one invocation computes one value of dw, a sum over all pixels of the batch.
// dy (N,OH,OW,O), x (N,H,W,C), dw (O,KH,KW,C): channels innermost.

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(kh * kw * c / 64), o)
@compute @workgroup_size(64)
fn conv2d_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let columns = p.kh * p.kw * p.c;
  if (id.x >= columns) { return; }
  let tap = id.x / p.c;
  let channel = id.x % p.c;
  var sum = 0.0;
  for (var line = 0u; line < p.n * p.oh; line++) {
    let iy = i32(line % p.oh * p.stride_h + tap / p.kw) - i32(p.pad_h);
    if (iy < 0 || iy >= i32(p.h)) { continue; }
    var part = 0.0; // of a line: one chain over all pixels would round too much
    for (var ox = 0u; ox < p.ow; ox++) {
      let ix = i32(ox * p.stride_w + tap % p.kw) - i32(p.pad_w);
      if (ix < 0 || ix >= i32(p.w)) { continue; }
      part = fma(dy[(line * p.ow + ox) * p.o + id.y], x[((line / p.oh * p.h + u32(iy)) * p.w + u32(ix)) * p.c + channel], part);
    }
    sum += part;
  }
  dw[id.y * columns + id.x] = sum;
}
