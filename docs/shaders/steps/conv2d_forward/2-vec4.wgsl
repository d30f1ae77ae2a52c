// Step 2 of docs/shaders/conv2d-forward.md: an invocation computes OUT channels of one pixel, and reads channels as vec4:
// each vec4 of x serves OUT sums.
// x (N,H,W,C), weight (O,KH,KW,C), y (N,OH,OW,O); C is a multiple of four, O one of OUT.

const OUT = 8u;

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(n * oh * ow / 8), o / OUT)
@compute @workgroup_size(8)
fn conv2d(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.x;
  if (pixel >= p.n * p.oh * p.ow) { return; }
  let out = id.y * OUT;
  let c4 = p.c / 4u;
  let taps = p.kh * p.kw;
  let line = pixel / p.ow;
  let top = i32(line % p.oh * p.stride_h) - i32(p.pad_h);
  let left = i32(pixel % p.ow * p.stride_w) - i32(p.pad_w);
  var acc: array<vec4f, OUT>; // four partial sums a channel, added at the end
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      let iy = top + i32(kh);
      let ix = left + i32(kw);
      if (iy < 0 || iy >= i32(p.h) || ix < 0 || ix >= i32(p.w)) { continue; }
      let start = ((line / p.oh * p.h + u32(iy)) * p.w + u32(ix)) * c4;
      for (var q = 0u; q < c4; q++) {
        let v = x[start + q];
        for (var o = 0u; o < OUT; o++) {
          acc[o] = fma(v, weight[((out + o) * taps + kh * p.kw + kw) * c4 + q], acc[o]);
        }
      }
    }
  }
  for (var o = 0u; o < OUT; o++) { y[pixel * p.o + out + o] = dot(acc[o], vec4f(1.0)); }
}
