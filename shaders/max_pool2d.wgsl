// Max pooling, PyTorch's: padding counts as -infinity, the first of equal maxima wins, NaN is a maximum.
//
// x (N,H,W,C), y, index and dy (N,OH,OW,C), channels innermost. `index` holds iy·W + ix of the maximum, so that the
// gradient, gathered for each input element, goes to exactly one of several equal values.
// An invocation does one V of the result. Dispatch (ceil(elements/WORKGROUP/y), y).

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
alias I = vec4u;     // vec4u; u32 likewise
const WORKGROUP = 64u;

struct Params {
  n: u32, h: u32, w: u32, c: u32, // c in V
  oh: u32, ow: u32,
  kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<storage, read_write> index: array<I>;
@group(0) @binding(0) var<storage, read> dy: array<V>;
@group(0) @binding(1) var<storage, read> chosen: array<I>;
@group(0) @binding(2) var<storage, read_write> dx: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn max_pool2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.oh * p.ow * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let line = pixel / p.ow;
  let top = i32((line % p.oh) * p.stride_h) - i32(p.pad_h);
  let left = i32((pixel % p.ow) * p.stride_w) - i32(p.pad_w);
  let image = (line / p.oh) * p.h;
  // The window clipped to the image is never empty: padding is at most half the kernel.
  let from_y = u32(max(top, 0));
  let from_x = u32(max(left, 0));
  let to_y = u32(min(top + i32(p.kh), i32(p.h)));
  let to_x = u32(min(left + i32(p.kw), i32(p.w)));
  var best = x[((image + from_y) * p.w + from_x) * p.c + channel];
  var at = I(from_y * p.w + from_x);
  for (var iy = from_y; iy < to_y; iy++) {
    for (var ix = from_x; ix < to_x; ix++) {
      let v = x[((image + iy) * p.w + ix) * p.c + channel];
      // NaN by its bits: v != v is folded to false by compilers that assume there is none.
      let take = (v > best) | ((bitcast<I>(v) & I(0x7fffffffu)) > I(0x7f800000u));
      best = select(best, v, take);
      at = select(at, I(iy * p.w + ix), take);
    }
  }
  y[i] = best;
  index[i] = at;
}

@compute @workgroup_size(WORKGROUP)
fn max_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.h * p.w * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let ix = pixel % p.w;
  let line = pixel / p.w;
  let iy = line % p.h;
  let image = (line / p.h) * p.oh;
  let me = I(iy * p.w + ix);
  // The windows that hold (iy,ix): oy·stride − pad <= iy < oy·stride − pad + kernel.
  let y_end = min((iy + p.pad_h) / p.stride_h + 1u, p.oh);
  let x_end = min((ix + p.pad_w) / p.stride_w + 1u, p.ow);
  let y_begin = (max(iy + p.pad_h + p.stride_h, p.kh) - p.kh) / p.stride_h;
  let x_begin = (max(ix + p.pad_w + p.stride_w, p.kw) - p.kw) / p.stride_w;
  var sum = V();
  for (var oy = y_begin; oy < y_end; oy++) {
    for (var ox = x_begin; ox < x_end; ox++) {
      let q = ((image + oy) * p.ow + ox) * p.c + channel;
      sum += select(V(), dy[q], chosen[q] == me);
    }
  }
  dx[i] = sum;
}
