// Step 1 of docs/shaders/conv2d-forward.md: one invocation computes one value of y, as the formula stands.
// x (N,H,W,C), weight (O,KH,KW,C), y (N,OH,OW,O): channels innermost.

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(o / 8), ceil(n * oh * ow / 8))
@compute @workgroup_size(8, 8)
fn conv2d(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y;
  if (id.x >= p.o || pixel >= p.n * p.oh * p.ow) { return; }
  let line = pixel / p.ow;
  let top = i32(line % p.oh * p.stride_h) - i32(p.pad_h);
  let left = i32(pixel % p.ow * p.stride_w) - i32(p.pad_w);
  var sum = 0.0;
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      let iy = top + i32(kh);
      let ix = left + i32(kw);
      if (iy < 0 || iy >= i32(p.h) || ix < 0 || ix >= i32(p.w)) { continue; }
      let start = ((line / p.oh * p.h + u32(iy)) * p.w + u32(ix)) * p.c;
      let tap = ((id.x * p.kh + kh) * p.kw + kw) * p.c;
      for (var i = 0u; i < p.c; i++) { sum = fma(x[start + i], weight[tap + i], sum); }
    }
  }
  y[pixel * p.o + id.x] = sum;
}
