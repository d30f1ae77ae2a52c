// Two-dimensional convolution (cross-correlation) and its gradients as implicit matrix products with subgroup shuffles.
//
//   y[n,oy,ox,o]  = Σ x[n,iy,ix,i] · w[o,kh,kw,i] (+ bias[o], then an activation),   iy = oy·stride − pad + kh·dilation
//   dx[n,iy,ix,i] = Σ dy[n,oy,ox,o] · w[o,kh,kw,i]                                   over the oy for which that holds
//   dw[o,kh,kw,i] = Σ dy[n,oy,ox,o] · x[n,iy,ix,i]
//
// x (N,H,W,groups·C), w (groups·O,KH,KW,C), y and dy (N,OH,OW,groups·O): channels innermost; a group's outputs see its own
// C channels. A subgroup of SG lanes does a tile of its own, a workgroup SUBGROUPS of them; what all lanes need is loaded
// once, four values a lane, and goes round by subgroupShuffle. Depthwise convolutions have conv2d_depthwise.wgsl.
enable subgroups;

alias V = vec4f;       // elements of x, w and dw; f32 where C is not a multiple of four
alias G = vec4f;       // elements of dy; f32 where O is not a multiple of four
alias Y = vec4f;       // what an activation takes
const LANES = 4u;      // values of a V
const G_LANES = 4u;    // values of a G
const SG = 8u;         // lanes of a subgroup, a power of two of at least 4
const SUBGROUPS = 1u;  // subgroups a workgroup
const PIXELS = 4u;     // forward, backward_input: pixels a lane
const COLUMNS = 1u;    // backward_weight: columns of dw a lane, in V
const OUT = 16u;       // channels of the result a subgroup
const STEM = false;    // forward: C is below four; V is f32
const BIAS = false;    // forward: add bias[o]

struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, o: u32,  // c and o are one group's
  kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  groups: u32,
  step_h: u32, step_w: u32, // backward_input: from a tap that a pixel meets to the next
  rows: u32, // backward_weight: rows of output pixels (n, oy) a split
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;              // (groups·O)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y_scalar: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<G>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dx_scalar: array<f32>;
@group(0) @binding(6) var<storage, read_write> parts: array<V>;         // (splits,groups·O,KH,KW,C)
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

// Four values from element `at` on, zero from the `left`th on: the row that they belong to ends there. With V = vec4f rows
// end on whole elements, and the other branch is never taken; it is written so that it is valid for either V.
const QUAD = vec4u(0u, 1u, 2u, 3u);
fn x4(at: u32, left: u32) -> vec4f {
  if (LANES == 4u) { return vec4f(x[at]); }
  let v = vec4f(vec4f(x[at]).x, vec4f(x[at + 1u]).x, vec4f(x[at + 2u]).x, vec4f(x[at + 3u]).x);
  return select(vec4f(), v, QUAD < vec4u(left));
}

fn weight4(at: u32, left: u32) -> vec4f {
  if (LANES == 4u) { return vec4f(weight[at]); }
  let v = vec4f(vec4f(weight[at]).x, vec4f(weight[at + 1u]).x, vec4f(weight[at + 2u]).x, vec4f(weight[at + 3u]).x);
  return select(vec4f(), v, QUAD < vec4u(left));
}

fn dy4(at: u32, left: u32) -> vec4f {
  if (G_LANES == 4u) { return vec4f(dy[at]); }
  let v = vec4f(vec4f(dy[at]).x, vec4f(dy[at + 1u]).x, vec4f(dy[at + 2u]).x, vec4f(dy[at + 3u]).x);
  return select(vec4f(), v, QUAD < vec4u(left));
}

// Elements that four values take.
const STEP = 4u / LANES;
const G_STEP = 4u / G_LANES;

// All bits where a window's tap lies inside the image, none where it lies in the padding: what is read there must not count,
// be it NaN. On lavapipe this costs what a multiplication does, and a tenth less than select.
fn mask(inside: bool) -> u32 { return select(0u, 0xffffffffu, inside); }
fn masked(v: vec4f, bits: u32) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(bits)); }

// Zero, or NaN where subgroups have fewer lanes than the kernel was made for: added to results, which are wrong then. Larger
// ones do as long as only one is in use; several are told apart by their size.
fn lanes_fault(size: u32) -> f32 {
  return bitcast<f32>(select(0x7fc00000u, 0u, select(size == SG, size >= SG, SUBGROUPS == 1u)));
}

fn tiles(channels: u32) -> u32 { return (channels + OUT - 1u) / OUT; }

// Forward. A subgroup: PIXELS·SG output pixels x OUT channels of a group. A lane owns PIXELS pixels; the weights of OUT
// channels go round. Dispatch (B/y, y, ceil(O/OUT)·groups), B = ceil(N·OH·OW/(PIXELS·SG·SUBGROUPS)) folded into two
// dimensions.
alias Sums = array<array<f32, OUT>, PIXELS>;

// The window of each of a lane's output pixels. Past the end a lane works on the last pixel again and stores nothing:
// shuffles need every lane.
struct Windows {
  top: array<i32, PIXELS>,    // iy and ix of the first tap
  left: array<i32, PIXELS>,
  image: array<u32, PIXELS>,  // first row of the pixel's image in x
}

fn windows(first: u32, pixels: u32) -> Windows {
  var v: Windows;
  for (var g = 0u; g < PIXELS; g++) {
    let q = min(first + g * SG, pixels - 1u);
    let line = q / p.ow;
    v.left[g] = i32((q - line * p.ow) * p.stride_w) - i32(p.pad_w);
    v.top[g] = i32((line % p.oh) * p.stride_h) - i32(p.pad_h);
    v.image[g] = (line / p.oh) * p.h;
  }
  return v;
}

const QUADS = max(1u, SG / OUT); // quads of input channels in flight
const LOADS = QUADS * OUT / SG;
fn forward(first: u32, pixels: u32, out: u32, group: u32, lane: u32) -> Sums {
  let c4 = (p.c + 3u) / 4u;
  let cv = p.c / LANES;
  let row = cv * p.groups;
  let taps = p.kh * p.kw;
  let window = windows(first, pixels);
  var acc: Sums;
  var w_address: array<u32, LOADS>;
  for (var l = 0u; l < LOADS; l++) {
    let flat = l * SG + lane;
    w_address[l] = (group * p.o + min(out + flat % OUT, p.o - 1u)) * taps * cv + flat / OUT * STEP;
  }
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      var base: array<u32, PIXELS>;
      var inside: array<u32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let iy = window.top[g] + i32(kh * p.dilation_h);
        let ix = window.left[g] + i32(kw * p.dilation_w);
        let ok = iy >= 0 && iy < i32(p.h) && ix >= 0 && ix < i32(p.w);
        inside[g] = mask(ok);
        base[g] = group * cv + select(0u, ((window.image[g] + u32(iy)) * p.w + u32(ix)) * row, ok);
      }
      let tap = (kh * p.kw + kw) * cv;
      // Sums of four, of a tap's quads, of the taps: an addition rounds in proportion to the sum so far, so one long chain is
      // off several times as far, and near the kink of a relu that decides which side is taken. It costs no time.
      var part = Sums();
      for (var q = 0u; q < c4; q += QUADS) {
        var wv: array<vec4f, LOADS>;
        for (var l = 0u; l < LOADS; l++) {
          let quad = q + (l * SG + lane) / OUT;
          wv[l] = weight4(w_address[l] + tap + q * STEP, p.c - 4u * quad);
          if (QUADS > 1u) { wv[l] = select(vec4f(), wv[l], quad < c4); }
        }
        var xv: array<array<vec4f, PIXELS>, QUADS>;
        for (var j = 0u; j < QUADS; j++) {
          let quad = min(q + j, c4 - 1u);
          for (var g = 0u; g < PIXELS; g++) {
            xv[j][g] = masked(x4(base[g] + quad * STEP, p.c - 4u * quad), inside[g]);
          }
        }
        // Loads outside, lanes inside: a single loop over OUT is left rolled by lavapipe's compiler, and four times slower.
        for (var l = 0u; l < LOADS; l++) {
          for (var i = 0u; i < SG; i++) {
            let o = (l * SG + i) % OUT;
            let j = (l * SG + i) / OUT;
            let w0 = subgroupShuffle(wv[l].x, i);
            let w1 = subgroupShuffle(wv[l].y, i);
            let w2 = subgroupShuffle(wv[l].z, i);
            let w3 = subgroupShuffle(wv[l].w, i);
            for (var g = 0u; g < PIXELS; g++) {
              let v = xv[j][g];
              part[g][o] += fma(w3, v.w, fma(w2, v.z, fma(w1, v.y, w0 * v.x)));
            }
          }
        }
      }
      for (var g = 0u; g < PIXELS; g++) {
        for (var o = 0u; o < OUT; o++) { acc[g][o] += part[g][o]; }
      }
    }
  }
  return acc;
}

// The same one input value at a time, for the first layer's one or three channels, which would leave lanes of quads empty.
const STEM_DEPTH = max(1u, SG / OUT); // input values in flight
const STEM_LOADS = STEM_DEPTH * OUT / SG;
fn forward_stem(first: u32, pixels: u32, out: u32, group: u32, lane: u32) -> Sums {
  let depth = p.kh * p.kw * p.c;
  let row = p.c * p.groups;
  let window = windows(first, pixels);
  var acc = Sums();
  var w_address: array<u32, STEM_LOADS>;
  for (var l = 0u; l < STEM_LOADS; l++) {
    let flat = l * SG + lane;
    w_address[l] = (group * p.o + min(out + flat % OUT, p.o - 1u)) * depth + flat / OUT;
  }
  for (var kh = 0u; kh < p.kh; kh++) {
    var part = Sums(); // of a row of taps, as above
    for (var kw = 0u; kw < p.kw; kw++) {
      var base: array<u32, PIXELS>;
      var inside: array<u32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let iy = window.top[g] + i32(kh * p.dilation_h);
        let ix = window.left[g] + i32(kw * p.dilation_w);
        let ok = iy >= 0 && iy < i32(p.h) && ix >= 0 && ix < i32(p.w);
        inside[g] = mask(ok);
        base[g] = group * p.c + select(0u, ((window.image[g] + u32(iy)) * p.w + u32(ix)) * row, ok);
      }
      let tap = (kh * p.kw + kw) * p.c;
      for (var i = 0u; i < p.c; i += STEM_DEPTH) {
        var wv: array<f32, STEM_LOADS>;
        for (var l = 0u; l < STEM_LOADS; l++) {
          wv[l] = vec4f(weight[w_address[l] + tap + i]).x;
          if (STEM_DEPTH > 1u) { wv[l] = select(0.0, wv[l], i + (l * SG + lane) / OUT < p.c); }
        }
        var xv: array<array<f32, PIXELS>, STEM_DEPTH>;
        for (var j = 0u; j < STEM_DEPTH; j++) {
          for (var g = 0u; g < PIXELS; g++) {
            xv[j][g] = masked(vec4f(x[base[g] + min(i + j, p.c - 1u)]), inside[g]).x;
          }
        }
        for (var l = 0u; l < STEM_LOADS; l++) {
          for (var s = 0u; s < SG; s++) {
            let o = (l * SG + s) % OUT;
            let j = (l * SG + s) / OUT;
            let w0 = subgroupShuffle(wv[l], s);
            for (var g = 0u; g < PIXELS; g++) { part[g][o] = fma(w0, xv[j][g], part[g][o]); }
          }
        }
      }
    }
    for (var g = 0u; g < PIXELS; g++) {
      for (var o = 0u; o < OUT; o++) { acc[g][o] += part[g][o]; }
    }
  }
  return acc;
}

@compute @workgroup_size(SG * SUBGROUPS)
fn conv2d_forward(
  @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32) {
  let pixels = p.n * p.oh * p.ow;
  let begin = (id.y * grid.x + id.x) * SUBGROUPS * PIXELS * SG;
  if (begin >= pixels) { return; }
  let lane = local.x % SG;
  let first = begin + local.x / SG * PIXELS * SG + lane;
  let out = (id.z % tiles(p.o)) * OUT;
  let group = id.z / tiles(p.o);
  var acc: Sums;
  if (STEM) { acc = forward_stem(first, pixels, out, group, lane); }
  else { acc = forward(first, pixels, out, group, lane); }
  for (var o = 0u; o < OUT; o += 4u) {
    let channel = group * p.o + out + o;
    if (out + o < p.o) {
      var shift = vec4f(lanes_fault(size));
      if (BIAS) { shift += vec4f(bias[channel], bias[channel + 1u], bias[channel + 2u], bias[channel + 3u]); }
      for (var g = 0u; g < PIXELS; g++) {
        let v = activate(vec4f(acc[g][o], acc[g][o + 1u], acc[g][o + 2u], acc[g][o + 3u]) + shift);
        let q = first + g * SG;
        if (q < pixels) { y[(q * p.o * p.groups + channel) / 4u] = v; }
      }
    }
  }
}

// The same for any O.
@compute @workgroup_size(SG * SUBGROUPS)
fn conv2d_forward_any(
  @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32) {
  let pixels = p.n * p.oh * p.ow;
  let begin = (id.y * grid.x + id.x) * SUBGROUPS * PIXELS * SG;
  if (begin >= pixels) { return; }
  let lane = local.x % SG;
  let first = begin + local.x / SG * PIXELS * SG + lane;
  let out = (id.z % tiles(p.o)) * OUT;
  let group = id.z / tiles(p.o);
  var acc: Sums;
  if (STEM) { acc = forward_stem(first, pixels, out, group, lane); }
  else { acc = forward(first, pixels, out, group, lane); }
  for (var o = 0u; o < OUT; o++) {
    let channel = group * p.o + out + o;
    if (out + o < p.o) {
      var shift = lanes_fault(size);
      if (BIAS) { shift += bias[channel]; }
      for (var g = 0u; g < PIXELS; g++) {
        let v = activate(vec4f(acc[g][o] + shift)).x;
        let q = first + g * SG;
        if (q < pixels) { y_scalar[q * p.o * p.groups + channel] = v; }
      }
    }
  }
}

// Gradient of the input. A subgroup: PIXELS·SG input pixels x OUT input channels of a group. A lane owns PIXELS pixels;
// for four output channels at a time the weights (4,OUT) go round. Pixels are taken by their remainders modulo the strides:
// those of one class meet the same taps, and the others are skipped.
// Dispatch (B/y, y, ceil(C/OUT)·groups·strides), B = ceil(N·ceil(H/stride_h)·ceil(W/stride_w)/(PIXELS·SG·SUBGROUPS)), strides the
// product of both.
const OUT4 = OUT / 4u;
alias InputSums = array<array<vec4f, OUT4>, PIXELS>;

// A class: its first pixel and tap, how many rows and columns of pixels, how many pixels in all.
struct Class { y: u32, x: u32, kh: u32, kw: u32, h: u32, w: u32, pixels: u32 }

// The first tap that pixels with this remainder meet: `offset` − tap·dilation is a multiple of the stride.
fn first_tap(offset: u32, taps: u32, dilation: u32, stride: u32) -> u32 {
  var tap = 0u;
  // −a is a·(stride − 1) modulo the stride.
  while (tap < taps && (offset + tap * dilation * (stride - 1u)) % stride != 0u) { tap++; }
  return tap;
}

fn class_of(index: u32) -> Class {
  let y = index / p.stride_w;
  let x = index % p.stride_w;
  let h = (p.h + p.stride_h - 1u - y) / p.stride_h;
  let w = (p.w + p.stride_w - 1u - x) / p.stride_w;
  let kh = first_tap(y + p.pad_h, p.kh, p.dilation_h, p.stride_h);
  let kw = first_tap(x + p.pad_w, p.kw, p.dilation_w, p.stride_w);
  return Class(y, x, kh, kw, h, w, p.n * h * w);
}

// The place of the class's pixel q in dx.
fn place(k: Class, q: u32) -> u32 {
  let line = q / k.w;
  return ((line / k.h) * p.h + k.y + (line % k.h) * p.stride_h) * p.w + k.x + (q % k.w) * p.stride_w;
}

fn backward_input(first: u32, k: Class, column: u32, group: u32, lane: u32) -> InputSums {
  let cv = p.c / LANES;
  let c4 = (p.c + 3u) / 4u;
  let ov = p.o / G_LANES;
  let o4 = (p.o + 3u) / 4u;
  let row = ov * p.groups;
  let taps = p.kh * p.kw;
  var acc: InputSums;
  var bottom: array<i32, PIXELS>; // oy·stride and ox·stride of the window's first tap
  var right: array<i32, PIXELS>;
  var image: array<u32, PIXELS>;
  for (var g = 0u; g < PIXELS; g++) {
    let q = min(first + g * SG, k.pixels - 1u);
    let line = q / k.w;
    right[g] = i32(k.x + (q - line * k.w) * p.stride_w + p.pad_w);
    bottom[g] = i32(k.y + (line % k.h) * p.stride_h + p.pad_h);
    image[g] = (line / k.h) * p.oh;
  }
  var w_address: array<u32, LOADS>; // of output channel `flat / OUT · 4 + …` of the round's
  for (var l = 0u; l < LOADS; l++) {
    let flat = l * SG + lane;
    let o = group * p.o + (flat / OUT) * 4u + (flat % OUT) / OUT4;
    w_address[l] = o * taps * cv + min(column + flat % OUT4, c4 - 1u) * STEP;
  }
  let w_left = p.c - 4u * min(column + lane % OUT4, c4 - 1u);
  for (var kh = k.kh; kh < p.kh; kh += p.step_h) {
    for (var kw = k.kw; kw < p.kw; kw += p.step_w) {
      var base: array<u32, PIXELS>;
      var inside: array<u32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let sy = bottom[g] - i32(kh * p.dilation_h);
        let sx = right[g] - i32(kw * p.dilation_w);
        let oy = u32(max(sy, 0)) / p.stride_h;
        let ox = u32(max(sx, 0)) / p.stride_w;
        let ok = sy >= 0 && sx >= 0 && oy < p.oh && ox < p.ow;
        inside[g] = mask(ok);
        base[g] = group * ov + select(0u, ((image[g] + oy) * p.ow + ox) * row, ok);
      }
      let tap = (kh * p.kw + kw) * cv;
      for (var q = 0u; q < o4; q += QUADS) {
        var wv: array<vec4f, LOADS>;
        for (var l = 0u; l < LOADS; l++) {
          let flat = l * SG + lane;
          wv[l] = weight4(w_address[l] + q * 4u * taps * cv + tap, w_left);
          // Past the group's outputs lie the next group's weights.
          if (QUADS > 1u || G_LANES == 1u) {
            wv[l] = select(vec4f(), wv[l], (q + flat / OUT) * 4u + (flat % OUT) / OUT4 < p.o);
          }
        }
        for (var j = 0u; j < QUADS; j++) {
          let quad = min(q + j, o4 - 1u);
          var dv: array<vec4f, PIXELS>;
          for (var g = 0u; g < PIXELS; g++) {
            dv[g] = masked(dy4(base[g] + quad * G_STEP, p.o - 4u * quad), inside[g]);
          }
          for (var i = 0u; i < 4u; i++) {
            for (var s = 0u; s < OUT4; s++) {
              let flat = j * OUT + i * OUT4 + s;
              let v = wv[flat / SG];
              let turn = vec4f(
                subgroupShuffle(v.x, flat % SG), subgroupShuffle(v.y, flat % SG),
                subgroupShuffle(v.z, flat % SG), subgroupShuffle(v.w, flat % SG));
              for (var g = 0u; g < PIXELS; g++) { acc[g][s] = fma(vec4f(dv[g][i]), turn, acc[g][s]); }
            }
          }
        }
      }
    }
  }
  return acc;
}

@compute @workgroup_size(SG * SUBGROUPS)
fn conv2d_backward_input(
  @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32) {
  let k = class_of(id.z / (tiles(p.c) * p.groups));
  let begin = (id.y * grid.x + id.x) * SUBGROUPS * PIXELS * SG;
  if (begin >= k.pixels) { return; }
  let lane = local.x % SG;
  let first = begin + local.x / SG * PIXELS * SG + lane;
  let column = (id.z % tiles(p.c)) * OUT4;
  let group = (id.z / tiles(p.c)) % p.groups;
  let c4 = p.c / 4u;
  var acc = backward_input(first, k, column, group, lane);
  for (var g = 0u; g < PIXELS; g++) {
    let q = first + g * SG;
    if (q < k.pixels) {
      let at = (place(k, q) * p.groups + group) * c4;
      for (var s = 0u; s < OUT4; s++) {
        if (column + s < c4) { dx[at + column + s] = acc[g][s] + lanes_fault(size); }
      }
    }
  }
}

// The same for any C.
@compute @workgroup_size(SG * SUBGROUPS)
fn conv2d_backward_input_any(
  @builtin(workgroup_id) id: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32) {
  let k = class_of(id.z / (tiles(p.c) * p.groups));
  let begin = (id.y * grid.x + id.x) * SUBGROUPS * PIXELS * SG;
  if (begin >= k.pixels) { return; }
  let lane = local.x % SG;
  let first = begin + local.x / SG * PIXELS * SG + lane;
  let column = (id.z % tiles(p.c)) * OUT4;
  let group = (id.z / tiles(p.c)) % p.groups;
  var acc = backward_input(first, k, column, group, lane);
  for (var g = 0u; g < PIXELS; g++) {
    let q = first + g * SG;
    if (q < k.pixels) {
      let at = (place(k, q) * p.groups + group) * p.c;
      for (var s = 0u; s < OUT4; s++) {
        for (var i = 0u; i < 4u; i++) {
          let c = (column + s) * 4u + i;
          if (c < p.c) { dx_scalar[at + c] = acc[g][s][i] + lanes_fault(size); }
        }
      }
    }
  }
}

// Gradient of the weight. A subgroup: OUT output channels of a group x COLUMNS·SG columns (kh,kw,i) of dw, over `rows` rows
// of output pixels; a lane owns COLUMNS columns of V. The splits are added in a fixed order by reduce.wgsl.
// Dispatch (ceil(KH·KW·channels/(COLUMNS·SG·SUBGROUPS)), ceil(O/OUT)·groups, ceil(N·OH/rows)), channels = C/LANES.
const DEPTH = max(1u, SG / OUT4); // pixels in flight
const DY_LOADS = DEPTH * OUT4 / SG;
@compute @workgroup_size(SG * SUBGROUPS)
fn conv2d_backward_weight(
  @builtin(workgroup_id) id: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_size) size: u32) {
  let lane = local.x % SG;
  let ov = p.o / G_LANES;
  let o4 = (p.o + 3u) / 4u;
  let cv = p.c / LANES;
  let columns = p.kh * p.kw * cv;
  let first = (id.x * SUBGROUPS + local.x / SG) * COLUMNS * SG + lane;
  let out4 = (id.y % tiles(p.o)) * OUT4;
  let group = id.y / tiles(p.o);
  var shift_y: array<i32, COLUMNS>;
  var shift_x: array<i32, COLUMNS>;
  var channel: array<u32, COLUMNS>;
  for (var k = 0u; k < COLUMNS; k++) {
    let column = min(first + k * SG, columns - 1u);
    let tap = column / cv;
    shift_y[k] = i32((tap / p.kw) * p.dilation_h) - i32(p.pad_h);
    shift_x[k] = i32((tap % p.kw) * p.dilation_w) - i32(p.pad_w);
    channel[k] = group * cv + column % cv;
  }
  var acc: array<array<V, OUT>, COLUMNS>;
  let last = min((id.z + 1u) * p.rows, p.n * p.oh);
  for (var row = id.z * p.rows; row < last; row++) {
    var row_inside: array<bool, COLUMNS>;
    var x_row: array<u32, COLUMNS>;
    for (var k = 0u; k < COLUMNS; k++) {
      let iy = i32((row % p.oh) * p.stride_h) + shift_y[k];
      row_inside[k] = iy >= 0 && iy < i32(p.h);
      x_row[k] = ((row / p.oh) * p.h + u32(max(iy, 0))) * p.w;
    }
    for (var ox = 0u; ox < p.ow; ox += DEPTH) {
      var dv: array<vec4f, DY_LOADS>;
      for (var l = 0u; l < DY_LOADS; l++) {
        let flat = l * SG + lane;
        let q = ox + flat / OUT4;
        let quad = min(out4 + flat % OUT4, o4 - 1u);
        let at = ((row * p.ow + min(q, p.ow - 1u)) * p.groups + group) * ov + quad * G_STEP;
        dv[l] = select(vec4f(), dy4(at, p.o - 4u * quad), q < p.ow);
      }
      for (var d = 0u; d < DEPTH; d++) {
        var xv: array<V, COLUMNS>;
        for (var k = 0u; k < COLUMNS; k++) {
          let ix = i32((ox + d) * p.stride_w) + shift_x[k];
          let ok = row_inside[k] && ix >= 0 && ix < i32(p.w);
          xv[k] = select(V(), x[select(0u, (x_row[k] + u32(ix)) * cv * p.groups + channel[k], ok)], ok);
        }
        for (var r = 0u; r < OUT4; r++) {
          let flat = d * OUT4 + r;
          for (var i = 0u; i < 4u; i++) {
            let g = V(subgroupShuffle(dv[flat / SG][i], flat % SG));
            for (var k = 0u; k < COLUMNS; k++) { acc[k][r * 4u + i] = fma(g, xv[k], acc[k][r * 4u + i]); }
          }
        }
      }
    }
  }
  for (var k = 0u; k < COLUMNS; k++) {
    let column = first + k * SG;
    if (column < columns) {
      for (var r = 0u; r < OUT; r++) {
        let o = out4 * 4u + r;
        if (o < p.o) { parts[((id.z * p.groups + group) * p.o + o) * columns + column] = acc[k][r] + lanes_fault(size); }
      }
    }
  }
}
