// Step 1 of docs/shaders/conv2d-gradients.md: one invocation gathers one value of dx from all output pixels that saw it.
// dy (N,OH,OW,O), weight (O,KH,KW,C), dx (N,H,W,C): channels innermost.

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(c / 8), ceil(n * h * w / 8))
@compute @workgroup_size(8, 8)
fn conv2d_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y;
  if (id.x >= p.c || pixel >= p.n * p.h * p.w) { return; }
  let line = pixel / p.w;
  var sum = 0.0;
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      // iy = oy·stride − pad + kh, solved for oy: often there is none.
      let sy = i32(line % p.h + p.pad_h) - i32(kh);
      let sx = i32(pixel % p.w + p.pad_w) - i32(kw);
      if (sy < 0 || sx < 0 || u32(sy) % p.stride_h != 0u || u32(sx) % p.stride_w != 0u) { continue; }
      let oy = u32(sy) / p.stride_h;
      let ox = u32(sx) / p.stride_w;
      if (oy >= p.oh || ox >= p.ow) { continue; }
      let start = ((line / p.h * p.oh + oy) * p.ow + ox) * p.o;
      for (var o = 0u; o < p.o; o++) {
        sum = fma(dy[start + o], weight[((o * p.kh + kh) * p.kw + kw) * p.c + id.x], sum);
      }
    }
  }
  dx[pixel * p.c + id.x] = sum;
}
