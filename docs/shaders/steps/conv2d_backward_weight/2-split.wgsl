// Step 2 of docs/shaders/conv2d-gradients.md: the sum over pixels is cut into SPLITS parts, so that a small dw still fills
// the machine; a second kernel adds the parts in a fixed order.
// dy (N,OH,OW,O), x (N,H,W,C), parts (SPLITS,O,KH,KW,C), dw (O,KH,KW,C).

const SPLITS = 8u;

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

//! scratch parts = SPLITS * o * kh * kw * c
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

//! dispatch (ceil(kh * kw * c / 64), o, SPLITS)
@compute @workgroup_size(64)
fn conv2d_backward_weight(@builtin(global_invocation_id) id: vec3u) {
  let columns = p.kh * p.kw * p.c;
  if (id.x >= columns) { return; }
  let tap = id.x / p.c;
  let channel = id.x % p.c;
  let lines = (p.n * p.oh + SPLITS - 1u) / SPLITS;
  var sum = 0.0;
  for (var line = id.z * lines; line < min((id.z + 1u) * lines, p.n * p.oh); line++) {
    let iy = i32(line % p.oh * p.stride_h + tap / p.kw) - i32(p.pad_h);
    if (iy < 0 || iy >= i32(p.h)) { continue; }
    for (var ox = 0u; ox < p.ow; ox++) {
      let ix = i32(ox * p.stride_w + tap % p.kw) - i32(p.pad_w);
      if (ix < 0 || ix >= i32(p.w)) { continue; }
      sum = fma(dy[(line * p.ow + ox) * p.o + id.y], x[((line / p.oh * p.h + u32(iy)) * p.w + u32(ix)) * p.c + channel], sum);
    }
  }
  parts[(id.z * p.o + id.y) * columns + id.x] = sum;
}

//! dispatch (ceil(kh * kw * c / 64), o)
@compute @workgroup_size(64)
fn add_parts(@builtin(global_invocation_id) id: vec3u) {
  let columns = p.kh * p.kw * p.c;
  if (id.x >= columns) { return; }
  var sum = 0.0;
  for (var s = 0u; s < SPLITS; s++) { sum += parts[(s * p.o + id.y) * columns + id.x]; }
  dw[id.y * columns + id.x] = sum;
}
