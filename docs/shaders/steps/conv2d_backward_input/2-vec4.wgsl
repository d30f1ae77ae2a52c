// Step 2 of docs/shaders/conv2d-gradients.md: an invocation gathers four channels of PIXELS neighbours in a line, so that each
// vec4 of the weight serves PIXELS sums.
// dy (N,OH,OW,O), weight (O,KH,KW,C), dx (N,H,W,C); C is a multiple of four, W one of PIXELS.

const PIXELS = 4u;

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32, o: u32, kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32 }

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(c / 4 / 8), ceil(n * h * w / PIXELS / 8))
@compute @workgroup_size(8, 8)
fn conv2d_backward_input(@builtin(global_invocation_id) id: vec3u) {
  let pixel = id.y * PIXELS;
  let c4 = p.c / 4u;
  if (id.x >= c4 || pixel >= p.n * p.h * p.w) { return; }
  let line = pixel / p.w;
  var acc: array<vec4f, PIXELS>;
  for (var kh = 0u; kh < p.kh; kh++) {
    let sy = i32(line % p.h + p.pad_h) - i32(kh);
    if (sy < 0 || u32(sy) % p.stride_h != 0u || u32(sy) / p.stride_h >= p.oh) { continue; }
    let row = (line / p.h * p.oh + u32(sy) / p.stride_h) * p.ow;
    for (var kw = 0u; kw < p.kw; kw++) {
      // Where a pixel has no output under this tap it reads the first one of the row, and counts it for nothing.
      var start: array<u32, PIXELS>;
      var counts: array<f32, PIXELS>;
      for (var i = 0u; i < PIXELS; i++) {
        let sx = i32((pixel + i) % p.w + p.pad_w) - i32(kw);
        let seen = sx >= 0 && u32(sx) % p.stride_w == 0u && u32(sx) / p.stride_w < p.ow;
        start[i] = (row + select(0u, u32(sx) / p.stride_w, seen)) * p.o;
        counts[i] = select(0.0, 1.0, seen);
      }
      for (var o = 0u; o < p.o; o++) {
        let w = weight[((o * p.kh + kh) * p.kw + kw) * c4 + id.x];
        for (var i = 0u; i < PIXELS; i++) { acc[i] = fma(vec4f(dy[start[i] + o] * counts[i]), w, acc[i]); }
      }
    }
  }
  for (var i = 0u; i < PIXELS; i++) { dx[(pixel + i) * c4 + id.x] = acc[i]; }
}
