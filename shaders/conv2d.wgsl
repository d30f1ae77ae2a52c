// Two-dimensional convolution (cross-correlation) and its gradients as implicit matrix products with subgroup shuffles.
//
//   y[n,oy,ox,o]  = Σ x[n,iy,ix,i] · w[o,kh,kw,i] (+ bias[o], then an activation),   iy = oy·stride − pad + kh·dilation
//   dx[n,iy,ix,i] = Σ dy[n,oy,ox,o] · w[o,kh,kw,i]                          over the oy for which that holds
//   dw[o,kh,kw,i] = Σ dy[n,oy,ox,o] · x[n,iy,ix,i]
//
// x (N,H,W,C), w (O,KH,KW,C), y and dy (N,OH,OW,O): channels innermost. One workgroup is one subgroup of SG lanes; what all
// lanes need is loaded once, a vec4 a lane, and goes round by subgroupShuffle. Where C or O is not a multiple of four
// (`stem` aside) conv2d_portable.wgsl does the work.
enable subgroups;

alias V = vec4f;      // backward_weight: how x and dw are read; f32 where C is not a multiple of four
const LANES = 4u;     // values of a V
const SG = 8u;        // lanes of a subgroup, a power of two of at least 4
const PIXELS = 4u;    // forward, backward_input: pixels a lane
const OUT = 16u;      // channels of the result a workgroup
const BIAS = false;   // forward: add bias[o]

struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, o: u32,
  kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  rows: u32, // backward_weight: rows of output pixels (n, oy) a split
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(0) var<storage, read> x_scalar: array<f32>;
@group(0) @binding(0) var<storage, read> x_any: array<V>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight_scalar: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;              // (O)
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y_scalar: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> parts: array<V>;         // (splits,O,KH,KW,C)
@group(0) @binding(7) var<uniform> p: Params;

// --- output activations: the same text in every shader that ends in one of them (a test compares) ---
const ACTIVATION = 0u; // numbers: src/kernels/activation.ts; those whose derivative follows from their output

fn sigmoid(v: vec4f) -> vec4f {
  let e = exp(-abs(v));
  return select(e, vec4f(1.0), v >= vec4f()) / (vec4f(1.0) + e);
}

// As in pointwise.wgsl, which says why.
fn hyperbolic_tangent(v: vec4f) -> vec4f {
  let e = exp(-2.0 * abs(v));
  let far = (vec4f(1.0) - e) / (vec4f(1.0) + e);
  let s = v * v;
  let near = v * fma(s, fma(s, fma(s, vec4f(-0.053968254), vec4f(0.13333333)), vec4f(-0.33333333)), vec4f(1.0));
  return select(select(far, -far, v < vec4f()), near, abs(v) < vec4f(0.2));
}

// NaN stays NaN: comparisons with it are false, and max or clamp would hide it.
fn activate(v: vec4f) -> vec4f {
  switch ACTIVATION {
    case 1u: { return select(v, vec4f(), v < vec4f()); }                                   // relu
    case 2u: { return select(select(v, vec4f(), v < vec4f()), vec4f(6.0), v > vec4f(6.0)); } // relu6
    case 4u: { return sigmoid(v); }                                                        // sigmoid
    case 5u: { return hyperbolic_tangent(v); }                                             // tanh
    default: { return v; }
  }
}
// --- end of output activations ---

// A workgroup: PIXELS·SG output pixels x OUT channels. A lane owns PIXELS pixels; the weights of OUT channels go round.
// Dispatch (ceil(N·OH·OW/(PIXELS·SG)), ceil(O/OUT)).
const QUADS = max(1u, SG / OUT); // quads of input channels in flight
const LOADS = QUADS * OUT / SG;
@compute @workgroup_size(SG)
fn conv2d_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let c4 = p.c / 4u;
  let taps = p.kh * p.kw;
  let pixels = p.n * p.oh * p.ow;
  let first = group.x * PIXELS * SG + lane;
  let out = group.y * OUT;
  var acc: array<array<f32, OUT>, PIXELS>;
  var top: array<i32, PIXELS>;    // iy and ix of the window's first tap
  var left: array<i32, PIXELS>;
  var image: array<u32, PIXELS>;  // first row of the pixel's image in x
  for (var g = 0u; g < PIXELS; g++) {
    // Past the end a lane works on the last pixel again and stores nothing: shuffles need every lane.
    let q = min(first + g * SG, pixels - 1u);
    let line = q / p.ow;
    left[g] = i32((q - line * p.ow) * p.stride_w) - i32(p.pad_w);
    top[g] = i32((line % p.oh) * p.stride_h) - i32(p.pad_h);
    image[g] = (line / p.oh) * p.h;
  }
  var w_address: array<u32, LOADS>;
  for (var l = 0u; l < LOADS; l++) {
    let flat = l * SG + lane;
    w_address[l] = min(out + flat % OUT, p.o - 1u) * taps * c4 + flat / OUT;
  }
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      var base: array<u32, PIXELS>;
      var inside: array<f32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let iy = top[g] + i32(kh * p.dilation_h);
        let ix = left[g] + i32(kw * p.dilation_w);
        let ok = iy >= 0 && iy < i32(p.h) && ix >= 0 && ix < i32(p.w);
        inside[g] = select(0.0, 1.0, ok);
        base[g] = select(0u, ((image[g] + u32(iy)) * p.w + u32(ix)) * c4, ok);
      }
      let tap = (kh * p.kw + kw) * c4;
      for (var q = 0u; q < c4; q += QUADS) {
        var wv: array<vec4f, LOADS>;
        for (var l = 0u; l < LOADS; l++) {
          wv[l] = weight[w_address[l] + tap + q];
          if (QUADS > 1u) { wv[l] = select(vec4f(), wv[l], q + (l * SG + lane) / OUT < c4); }
        }
        var xv: array<array<vec4f, PIXELS>, QUADS>;
        for (var j = 0u; j < QUADS; j++) {
          for (var g = 0u; g < PIXELS; g++) { xv[j][g] = x[base[g] + min(q + j, c4 - 1u)] * inside[g]; }
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
              var s = acc[g][o];
              s = fma(w0, xv[j][g].x, s);
              s = fma(w1, xv[j][g].y, s);
              s = fma(w2, xv[j][g].z, s);
              s = fma(w3, xv[j][g].w, s);
              acc[g][o] = s;
            }
          }
        }
      }
    }
  }
  for (var o = 0u; o < OUT; o += 4u) {
    if (out + o < p.o) {
      var shift = vec4f();
      if (BIAS) { shift = vec4f(bias[out + o], bias[out + o + 1u], bias[out + o + 2u], bias[out + o + 3u]); }
      for (var g = 0u; g < PIXELS; g++) {
        var v = vec4f(acc[g][o], acc[g][o + 1u], acc[g][o + 2u], acc[g][o + 3u]) + shift;
        v = activate(v);
        let q = first + g * SG;
        if (q < pixels) { y[(q * p.o + out + o) / 4u] = v; }
      }
    }
  }
}

// The same with scalar loads, for the first layer's one or three channels: any C, any O. Dispatch as conv2d_forward.
const STEM_DEPTH = max(1u, SG / OUT); // input values in flight
const STEM_LOADS = STEM_DEPTH * OUT / SG;
@compute @workgroup_size(SG)
fn conv2d_forward_stem(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let depth = p.kh * p.kw * p.c;
  let pixels = p.n * p.oh * p.ow;
  let first = group.x * PIXELS * SG + lane;
  let out = group.y * OUT;
  var acc: array<array<f32, OUT>, PIXELS>;
  var top: array<i32, PIXELS>;
  var left: array<i32, PIXELS>;
  var image: array<u32, PIXELS>;
  for (var g = 0u; g < PIXELS; g++) {
    let q = min(first + g * SG, pixels - 1u);
    let line = q / p.ow;
    left[g] = i32((q - line * p.ow) * p.stride_w) - i32(p.pad_w);
    top[g] = i32((line % p.oh) * p.stride_h) - i32(p.pad_h);
    image[g] = (line / p.oh) * p.h;
  }
  var w_address: array<u32, STEM_LOADS>;
  for (var l = 0u; l < STEM_LOADS; l++) {
    let flat = l * SG + lane;
    w_address[l] = min(out + flat % OUT, p.o - 1u) * depth + flat / OUT;
  }
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      var base: array<u32, PIXELS>;
      var inside: array<f32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let iy = top[g] + i32(kh * p.dilation_h);
        let ix = left[g] + i32(kw * p.dilation_w);
        let ok = iy >= 0 && iy < i32(p.h) && ix >= 0 && ix < i32(p.w);
        inside[g] = select(0.0, 1.0, ok);
        base[g] = select(0u, ((image[g] + u32(iy)) * p.w + u32(ix)) * p.c, ok);
      }
      let tap = (kh * p.kw + kw) * p.c;
      for (var i = 0u; i < p.c; i += STEM_DEPTH) {
        var wv: array<f32, STEM_LOADS>;
        for (var l = 0u; l < STEM_LOADS; l++) {
          wv[l] = weight_scalar[min(w_address[l] + tap + i, p.o * depth - 1u)];
          if (STEM_DEPTH > 1u) { wv[l] = select(0.0, wv[l], i + (l * SG + lane) / OUT < p.c); }
        }
        var xv: array<array<f32, PIXELS>, STEM_DEPTH>;
        for (var j = 0u; j < STEM_DEPTH; j++) {
          for (var g = 0u; g < PIXELS; g++) { xv[j][g] = x_scalar[base[g] + min(i + j, p.c - 1u)] * inside[g]; }
        }
        for (var l = 0u; l < STEM_LOADS; l++) {
          for (var s = 0u; s < SG; s++) {
            let o = (l * SG + s) % OUT;
            let j = (l * SG + s) / OUT;
            let w0 = subgroupShuffle(wv[l], s);
            for (var g = 0u; g < PIXELS; g++) { acc[g][o] = fma(w0, xv[j][g], acc[g][o]); }
          }
        }
      }
    }
  }
  for (var o = 0u; o < OUT; o++) {
    if (out + o < p.o) {
      var shift = 0.0;
      if (BIAS) { shift = bias[out + o]; }
      for (var g = 0u; g < PIXELS; g++) {
        var v = acc[g][o] + shift;
        v = activate(vec4f(v)).x;
        let q = first + g * SG;
        if (q < pixels) { y_scalar[q * p.o + out + o] = v; }
      }
    }
  }
}

// A workgroup: PIXELS·SG input pixels x OUT input channels. A lane owns PIXELS pixels; for four output channels at a time
// the weights (4,OUT) go round. Dispatch (ceil(N·H·W/(PIXELS·SG)), ceil(C/OUT)).
const OUT4 = OUT / 4u;
@compute @workgroup_size(SG)
fn conv2d_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let c4 = p.c / 4u;
  let o4 = p.o / 4u;
  let taps = p.kh * p.kw;
  let pixels = p.n * p.h * p.w;
  let first = group.x * PIXELS * SG + lane;
  let column = group.y * OUT4;
  var acc: array<array<vec4f, OUT4>, PIXELS>;
  var bottom: array<i32, PIXELS>; // oy·stride and ox·stride of the window's first tap
  var right: array<i32, PIXELS>;
  var image: array<u32, PIXELS>;
  for (var g = 0u; g < PIXELS; g++) {
    let q = min(first + g * SG, pixels - 1u);
    let line = q / p.w;
    right[g] = i32(q - line * p.w + p.pad_w);
    bottom[g] = i32(line % p.h + p.pad_h);
    image[g] = (line / p.h) * p.oh;
  }
  var w_address: array<u32, LOADS>;
  for (var l = 0u; l < LOADS; l++) {
    let flat = l * SG + lane;
    let o = (flat / OUT) * 4u + (flat % OUT) / OUT4;
    w_address[l] = o * taps * c4 + min(column + flat % OUT4, c4 - 1u);
  }
  for (var kh = 0u; kh < p.kh; kh++) {
    for (var kw = 0u; kw < p.kw; kw++) {
      var base: array<u32, PIXELS>;
      var inside: array<f32, PIXELS>;
      for (var g = 0u; g < PIXELS; g++) {
        let sy = bottom[g] - i32(kh * p.dilation_h);
        let sx = right[g] - i32(kw * p.dilation_w);
        // A negative offset is not divisible in the sense meant; max keeps the division's operands positive.
        let oy = u32(max(sy, 0)) / p.stride_h;
        let ox = u32(max(sx, 0)) / p.stride_w;
        let ok = sy >= 0 && sx >= 0 && oy * p.stride_h == u32(sy) && ox * p.stride_w == u32(sx) && oy < p.oh && ox < p.ow;
        inside[g] = select(0.0, 1.0, ok);
        base[g] = select(0u, ((image[g] + oy) * p.ow + ox) * o4, ok);
      }
      let tap = (kh * p.kw + kw) * c4;
      for (var q = 0u; q < o4; q += QUADS) {
        var wv: array<vec4f, LOADS>;
        for (var l = 0u; l < LOADS; l++) {
          wv[l] = weight[min(w_address[l] + q * 4u * taps * c4 + tap, p.o * taps * c4 - 1u)];
          if (QUADS > 1u) { wv[l] = select(vec4f(), wv[l], q + (l * SG + lane) / OUT < o4); }
        }
        for (var j = 0u; j < QUADS; j++) {
          var dv: array<vec4f, PIXELS>;
          for (var g = 0u; g < PIXELS; g++) { dv[g] = dy[base[g] + min(q + j, o4 - 1u)] * inside[g]; }
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
  for (var s = 0u; s < OUT4; s++) {
    if (column + s < c4) {
      for (var g = 0u; g < PIXELS; g++) {
        let q = first + g * SG;
        if (q < pixels) { dx[q * c4 + column + s] = acc[g][s]; }
      }
    }
  }
}

// A workgroup: OUT output channels x SG columns (kh,kw,i) of dw, over `rows` rows of output pixels; a lane owns a column
// (four with V = vec4f). The splits are added in a fixed order by reduce.wgsl.
// Dispatch (ceil(KH·KW·columns/SG), ceil(O/OUT), ceil(N·OH/rows)), columns = C/4 or C.
const DEPTH = max(1u, SG / OUT4); // pixels in flight
const DY_LOADS = DEPTH * OUT4 / SG;
@compute @workgroup_size(SG)
fn conv2d_backward_weight(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let lane = id.x;
  let o4 = p.o / 4u;
  let channels = p.c / LANES;
  let columns = p.kh * p.kw * channels;
  let column = group.x * SG + lane;
  let safe_column = min(column, columns - 1u);
  let tap = safe_column / channels;
  let shift_y = i32((tap / p.kw) * p.dilation_h) - i32(p.pad_h);
  let shift_x = i32((tap % p.kw) * p.dilation_w) - i32(p.pad_w);
  let channel = safe_column % channels;
  let out4 = group.y * OUT4;
  var acc: array<V, OUT>;
  let last = min((group.z + 1u) * p.rows, p.n * p.oh);
  for (var row = group.z * p.rows; row < last; row++) {
    let iy = i32((row % p.oh) * p.stride_h) + shift_y;
    let row_inside = iy >= 0 && iy < i32(p.h);
    let x_row = ((row / p.oh) * p.h + u32(max(iy, 0))) * p.w;
    let dy_row = row * p.ow;
    for (var ox = 0u; ox < p.ow; ox += DEPTH) {
      var dv: array<vec4f, DY_LOADS>;
      for (var l = 0u; l < DY_LOADS; l++) {
        let flat = l * SG + lane;
        let q = ox + flat / OUT4;
        dv[l] = select(vec4f(), dy[(dy_row + min(q, p.ow - 1u)) * o4 + min(out4 + flat % OUT4, o4 - 1u)], q < p.ow);
      }
      for (var d = 0u; d < DEPTH; d++) {
        let ix = i32((ox + d) * p.stride_w) + shift_x;
        let ok = row_inside && ix >= 0 && ix < i32(p.w);
        let xv = select(V(), x_any[select(0u, (x_row + u32(ix)) * channels + channel, ok)], ok);
        for (var r = 0u; r < OUT4; r++) {
          let flat = d * OUT4 + r;
          for (var i = 0u; i < 4u; i++) {
            let g = subgroupShuffle(dv[flat / SG][i], flat % SG);
            acc[r * 4u + i] = fma(V(g), xv, acc[r * 4u + i]);
          }
        }
      }
    }
  }
  if (column < columns) {
    for (var r = 0u; r < OUT; r++) {
      let o = out4 * 4u + r;
      if (o < p.o) { parts[(group.z * p.o + o) * columns + column] = acc[r]; }
    }
  }
}
