// Depthwise convolution, one output for each channel, and its gradients: bound by memory, so nothing is shared between lanes.
//
//   y[n,oy,ox,c]  = Σ x[n,iy,ix,c] · w[kh,kw,c] (+ bias[c], then an activation),   iy = oy·stride − pad + kh·dilation
//   dx[n,iy,ix,c] = Σ dy[n,oy,ox,c] · w[kh,kw,c]                                   over the oy for which that holds
//   dw[kh,kw,c]   = Σ dy[n,oy,ox,c] · x[n,iy,ix,c]
//
// x (N,H,W,C), y and dy (N,OH,OW,C). Weights lie as (C,KH,KW); transpose.wgsl turns them to (KH,KW,C) before and their
// gradient back after, so that channels are innermost here too. An invocation does a V of channels and neighbouring pixels of
// a row: they share what they load. What a row's windows look like is constant, so that they lie in registers.

alias V = vec4f;        // vec4f; f32 where C is not a multiple of four
alias Y = V;            // what an activation takes
const WORKGROUP = 64u;
const PIXELS = 4u;      // output pixels an invocation
const KW = 3u;          // along the width: size of the kernel,
const STRIDE = 1u;      // stride,
const DILATION = 1u;    // dilation
const PAD = 1u;         // and padding
const BIAS = false;     // forward: add bias[c]

struct Params {
  n: u32, h: u32, w: u32, c: u32, // c counts V
  oh: u32, ow: u32, kh: u32,
  stride_h: u32, pad_h: u32, dilation_h: u32,
  rows: u32, splits: u32, // backward_weight: rows of output pixels (n, oy) a split; how many splits
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> weight: array<V>;       // (KH,KW,C)
@group(0) @binding(2) var<storage, read> bias: array<V>;         // (C)
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(0) @binding(4) var<storage, read> dy: array<V>;
@group(0) @binding(5) var<storage, read_write> dx: array<V>;
@group(0) @binding(6) var<storage, read_write> parts: array<V>;  // (splits,KH,KW,C)
@group(0) @binding(7) var<uniform> p: Params;

// --- output activations: the same text in every shader that ends in one of them (a test compares) ---
const ACTIVATION = 0u; // numbers: src/kernels/activation.ts; those whose derivative follows from their output

fn sigmoid(v: Y) -> Y {
  let e = exp(-abs(v));
  return select(e, Y(1.0), v >= Y()) / (Y(1.0) + e);
}

// As in pointwise.wgsl, which says why.
fn hyperbolic_tangent(v: Y) -> Y {
  let e = exp(Y(-2.0) * abs(v));
  let far = (Y(1.0) - e) / (Y(1.0) + e);
  let s = v * v;
  let near = v * fma(s, fma(s, fma(s, Y(-0.053968254), Y(0.13333333)), Y(-0.33333333)), Y(1.0));
  return select(select(far, -far, v < Y()), near, abs(v) < Y(0.2));
}

// NaN stays NaN: comparisons with it are false, and max or clamp would hide it.
fn activate(v: Y) -> Y {
  switch ACTIVATION {
    case 1u: { return select(v, Y(), v < Y()); }                                       // relu
    case 2u: { return select(select(v, Y(), v < Y()), Y(6.0), v > Y(6.0)); }           // relu6
    case 4u: { return sigmoid(v); }                                                    // sigmoid
    case 5u: { return hyperbolic_tangent(v); }                                         // tanh
    default: { return v; }
  }
}
// --- end of output activations ---

// Columns of x under the windows of PIXELS neighbours.
const SPAN = (PIXELS - 1u) * STRIDE + (KW - 1u) * DILATION + 1u;

// The columns from `ix` on of a row of x that begins at `row`; zero in the padding.
fn columns(row: u32, ix: i32, c: u32) -> array<V, SPAN> {
  var v: array<V, SPAN>;
  for (var s = 0u; s < SPAN; s++) {
    let at = ix + i32(s);
    v[s] = select(V(), x[(row + u32(max(at, 0))) * p.c + c], at >= 0 && at < i32(p.w));
  }
  return v;
}

// An invocation: PIXELS output pixels of a row. Dispatch (G/y, y), G = ceil(N·OH·ceil(OW/PIXELS)·C/WORKGROUP).
@compute @workgroup_size(WORKGROUP)
fn conv2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.y * groups.x * WORKGROUP + id.x;
  let blocks = (p.ow + PIXELS - 1u) / PIXELS;
  if (index >= p.n * p.oh * blocks * p.c) { return; }
  let c = index % p.c;
  let ox = (index / p.c) % blocks * PIXELS;
  let line = index / (p.c * blocks);
  let top = i32((line % p.oh) * p.stride_h) - i32(p.pad_h);
  var acc: array<V, PIXELS>;
  for (var kh = 0u; kh < p.kh; kh++) {
    let iy = top + i32(kh * p.dilation_h);
    if (iy < 0 || iy >= i32(p.h)) { continue; }
    let v = columns(((line / p.oh) * p.h + u32(iy)) * p.w, i32(ox * STRIDE) - i32(PAD), c);
    for (var kw = 0u; kw < KW; kw++) {
      let w = weight[(kh * KW + kw) * p.c + c];
      for (var i = 0u; i < PIXELS; i++) { acc[i] = fma(w, v[i * STRIDE + kw * DILATION], acc[i]); }
    }
  }
  var shift = V();
  if (BIAS) { shift = bias[c]; }
  for (var i = 0u; i < PIXELS; i++) {
    if (ox + i < p.ow) { y[(line * p.ow + ox + i) * p.c + c] = activate(acc[i] + shift); }
  }
}

// An invocation: INPUTS input pixels of a row, a multiple of the stride, so that which taps meet which pixels is constant:
// pixel i meets tap kw where i + PAD − kw·DILATION is a multiple of STRIDE. OFFSET, also one, keeps that from being negative.
// Dispatch (G/y, y), G = ceil(N·H·ceil(W/INPUTS)·C/WORKGROUP).
const INPUTS = STRIDE * max(1u, PIXELS / STRIDE);
const REACH = (KW - 1u) * DILATION;
const OFFSET = (REACH + STRIDE - 1u) / STRIDE * STRIDE;
const FIRST = (PAD + OFFSET - REACH) / STRIDE; // first and last column of dy, OFFSET / STRIDE too high
const LAST = (INPUTS - 1u + PAD + OFFSET) / STRIDE;
const DY_SPAN = LAST - FIRST + 1u;
@compute @workgroup_size(WORKGROUP)
fn conv2d_backward_input(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.y * groups.x * WORKGROUP + id.x;
  let blocks = (p.w + INPUTS - 1u) / INPUTS;
  if (index >= p.n * p.h * blocks * p.c) { return; }
  let c = index % p.c;
  let ix = (index / p.c) % blocks * INPUTS;
  let line = index / (p.c * blocks);
  var acc: array<V, INPUTS>;
  for (var kh = 0u; kh < p.kh; kh++) {
    let sy = i32(line % p.h + p.pad_h) - i32(kh * p.dilation_h);
    let oy = u32(max(sy, 0)) / p.stride_h;
    if (sy < 0 || oy * p.stride_h != u32(sy) || oy >= p.oh) { continue; }
    let row = ((line / p.h) * p.oh + oy) * p.ow;
    var v: array<V, DY_SPAN>;
    for (var s = 0u; s < DY_SPAN; s++) {
      let at = i32(ix / STRIDE + FIRST + s) - i32(OFFSET / STRIDE);
      v[s] = select(V(), dy[(row + u32(max(at, 0))) * p.c + c], at >= 0 && at < i32(p.ow));
    }
    for (var kw = 0u; kw < KW; kw++) {
      let w = weight[(kh * KW + kw) * p.c + c];
      for (var i = 0u; i < INPUTS; i++) {
        let e = i + PAD + OFFSET - kw * DILATION;
        if (e % STRIDE == 0u) { acc[i] = fma(w, v[e / STRIDE - FIRST], acc[i]); }
      }
    }
  }
  for (var i = 0u; i < INPUTS; i++) {
    if (ix + i < p.w) { dx[(line * p.w + ix + i) * p.c + c] = acc[i]; }
  }
}

// An invocation: the KW taps of a row of the kernel, over `rows` rows of output pixels. reduce.wgsl adds the splits in a fixed
// order. Dispatch (G/y, y), G = ceil(splits·KH·C/WORKGROUP).
@compute @workgroup_size(WORKGROUP)
fn conv2d_backward_weight(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.y * groups.x * WORKGROUP + id.x;
  let c = index % p.c;
  let kh = (index / p.c) % p.kh;
  let split = index / (p.c * p.kh);
  if (split >= p.splits) { return; }
  var acc: array<V, KW>;
  let last = min((split + 1u) * p.rows, p.n * p.oh);
  for (var line = split * p.rows; line < last; line++) {
    let iy = i32((line % p.oh) * p.stride_h + kh * p.dilation_h) - i32(p.pad_h);
    if (iy < 0 || iy >= i32(p.h)) { continue; }
    let row = ((line / p.oh) * p.h + u32(iy)) * p.w;
    for (var ox = 0u; ox < p.ow; ox += PIXELS) {
      let v = columns(row, i32(ox * STRIDE) - i32(PAD), c);
      for (var i = 0u; i < PIXELS; i++) {
        let g = select(V(), dy[(line * p.ow + min(ox + i, p.ow - 1u)) * p.c + c], ox + i < p.ow);
        for (var kw = 0u; kw < KW; kw++) { acc[kw] = fma(g, v[i * STRIDE + kw * DILATION], acc[kw]); }
      }
    }
  }
  for (var kw = 0u; kw < KW; kw++) { parts[((split * p.kh + kh) * KW + kw) * p.c + c] = acc[kw]; }
}
