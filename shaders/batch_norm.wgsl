// Batch normalisation over the rows of x (M,C), channels innermost: M = N·H·W for images, N for vectors.
//
//   y = activation((x − mean) · rstd · weight + bias + residual),   rstd = 1/sqrt(var + eps)
//
// with or without residual and activation. Training takes mean and (biased) variance from the batch, evaluation from the running statistics. The gradients with
// batch statistics are those of Ioffe and Szegedy, "Batch Normalization", 2015, section 3:
//   dbias = Σ g,  dweight = Σ g·x̂,  dx = weight·rstd · (g − dbias/M − x̂·dweight/M),  dresidual = g
//
// with g the gradient before the activation: dy where there is none, else dy times the slope at what is computed again from
// x, which is read anyway. With a residual the first pass writes g, which is the residual's gradient, for the second.
// Statistics: chunks of rows give (mean, sum of squared deviations) each (batch_norm_statistics), which one invocation a
// channel merges in a fixed order (batch_norm_finish; the formula of Chan, Golub and LeVeque 1979), so that no large mean is squared.
// Fields written (C) lie in V; c in Params counts V.

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;
const BLOCK = 8u;       // rows an invocation of apply and backward_input does: the division that finds them is dear
const RESIDUAL = false; // apply: a residual is added
const BATCH = true;     // backward: statistics came from the batch

struct Params { rows: u32, c: u32, chunk: u32, chunks: u32, eps: f32, momentum: f32 }

@group(0) @binding(0) var<storage, read> x: array<V>;              // (M,C)
@group(0) @binding(1) var<storage, read_write> parts: array<V>;    // (chunks,2,C)
@group(0) @binding(1) var<storage, read> parts_in: array<V>;
@group(0) @binding(2) var<storage, read_write> stats: array<V>;    // (2,C): mean, rstd
@group(0) @binding(2) var<storage, read> stats_in: array<V>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<V>;
@group(0) @binding(4) var<storage, read_write> running_var: array<V>;
@group(0) @binding(3) var<storage, read> running_mean_in: array<V>;
@group(0) @binding(4) var<storage, read> running_var_in: array<V>;
@group(0) @binding(5) var<storage, read> weight: array<V>;
@group(0) @binding(6) var<storage, read> bias: array<V>;
@group(0) @binding(7) var<storage, read_write> y: array<V>;        // (M,C)
@group(0) @binding(8) var<storage, read> residual: array<V>;       // (M,C)
@group(0) @binding(3) var<storage, read> dy: array<V>;             // (M,C)
@group(0) @binding(4) var<storage, read_write> g_out: array<V>;    // (M,C): dresidual
@group(0) @binding(4) var<storage, read> sums_in: array<V>;        // (2,C): dbias, dweight
@group(0) @binding(7) var<storage, read_write> sums: array<V>;
@group(0) @binding(8) var<storage, read_write> dweight: array<V>;
@group(0) @binding(9) var<storage, read_write> dbias: array<V>;
@group(0) @binding(10) var<uniform> p: Params;

// --- activations: the same text in every shader that ends in one (a test compares) ---
const ACTIVATION = 0u; // numbers: src/kernels/activation.ts

// Exponents are never positive, so that nothing overflows.
fn sigmoid(v: V) -> V {
  let e = exp(-abs(v));
  return select(e, V(1.0), v >= V()) / (V(1.0) + e);
}

fn hyperbolic_tangent(v: V) -> V {
  let e = exp(V(-2.0) * abs(v));
  let far = (V(1.0) - e) / (V(1.0) + e);
  // Near zero 1 − e loses digits: the series, whose next term is below 6e-8.
  let s = v * v;
  let near = v * fma(s, fma(s, fma(s, V(-0.053968254), V(0.13333333)), V(-0.33333333)), V(1.0));
  return select(select(far, -far, v < V()), near, abs(v) < V(0.2));
}

// The normal distribution's density and Φ(v), written to two places. Φ(−a) = exp(−a²/2)·t·P(t), t = 1/(1 + a/(3·√2)): the
// form of Abramowitz and Stegun 7.1.26, P fitted to degree 7 by weighted least squares for 0 <= a <= 14.8, relative error
// 1.6e-7; both tails keep their digits. Beyond a = 20 both are zero in float32.
fn normal(v: V, density: ptr<function, V>, distribution: ptr<function, V>) {
  let a = min(abs(v), V(20.0));
  let e = exp(V(-0.5) * a * a);
  let t = V(1.0) / fma(a, V(0.23570226), V(1.0));
  var tail = fma(t, V(-0.063040827), V(0.20365745));
  tail = fma(t, tail, V(-0.13686984));
  tail = fma(t, tail, V(0.17325389));
  tail = fma(t, tail, V(0.038378418));
  tail = fma(t, tail, V(0.097560821));
  tail = fma(t, tail, V(0.092974349));
  tail = fma(t, tail, V(0.094085659)) * t * e;
  *density = V(0.39894228) * e;
  *distribution = select(V(1.0) - tail, tail, v < V());
}

// NaN stays NaN: comparisons with it are false, and max or clamp would hide it.
fn activate(v: V) -> V {
  switch ACTIVATION {
    case 1u: { return select(v, V(), v < V()); }                                     // relu
    case 2u: { return select(select(v, V(), v < V()), V(6.0), v > V(6.0)); }         // relu6
    case 3u: { return v * sigmoid(v); }                                              // silu
    case 4u: { return sigmoid(v); }                                                  // sigmoid
    case 5u: { return hyperbolic_tangent(v); }                                       // tanh
    case 6u: { return v * clamp(v + V(3.0), V(), V(6.0)) / V(6.0); }                 // hardswish
    case 7u: {                                                                       // gelu
      var density: V;
      var distribution: V;
      normal(v, &density, &distribution);
      return v * distribution;
    }
    case 8u: { return select(v, V(0.01) * v, v < V()); }                             // leaky_relu
    default: { return v; }
  }
}

// The derivative at v; where there is none, what PyTorch takes.
fn activate_slope(v: V) -> V {
  switch ACTIVATION {
    case 1u: { return select(V(), V(1.0), v > V()); }
    case 2u: { return select(V(), V(1.0), (v > V()) & (v < V(6.0))); }
    case 3u: {
      let s = sigmoid(v);
      return s * fma(v, V(1.0) - s, V(1.0));
    }
    case 4u: {
      let s = sigmoid(v);
      return s * (V(1.0) - s);
    }
    case 5u: {
      let t = hyperbolic_tangent(v);
      return fma(-t, t, V(1.0));
    }
    case 6u: { return select(select(fma(v, V(1.0 / 3.0), V(0.5)), V(1.0), v > V(3.0)), V(), v < V(-3.0)); }
    case 7u: {
      var density: V;
      var distribution: V;
      normal(v, &density, &distribution);
      return fma(v, density, distribution);
    }
    case 8u: { return select(V(0.01), V(1.0), v > V()); }
    default: { return V(1.0); }
  }
}
// --- end of activations ---

// An invocation: one V of channels over `chunk` rows. Dispatch (ceil(c/WORKGROUP), chunks).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_statistics(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * p.chunk;
  let last = min(first + p.chunk, p.rows);
  // Two passes over the chunk, which is still in the cache: sums of deviations lose nothing to a large mean.
  var sum = V();
  for (var r = first; r < last; r++) { sum += x[r * p.c + id.x]; }
  let count = f32(last - first);
  let mean = sum / count;
  var squares = V();
  var rest = V();
  for (var r = first; r < last; r++) {
    let d = x[r * p.c + id.x] - mean;
    rest += d;
    squares = fma(d, d, squares);
  }
  // What the deviations add up to is what the mean lost to rounding (the corrected two-pass algorithm; same authors, 1983).
  parts[id.y * 2u * p.c + id.x] = mean + rest / count;
  parts[(id.y * 2u + 1u) * p.c + id.x] = fma(-rest, rest / count, squares);
}

// Rows in chunk i.
fn rows_of(i: u32) -> f32 { return f32(min(p.chunk, p.rows - i * p.chunk)); }

// An invocation: one V of channels. Writes mean and rstd, moves the running statistics. Dispatch (ceil(c/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_finish(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= p.c) { return; }
  // Means count from the first chunk's, since the differences are small and lose less; squares join in blocks, as an
  // addition rounds in proportion to the sum so far. One chain over all chunks is off twice as far.
  let base = parts_in[c];
  var shift = V();
  for (var i = 0u; i < p.chunks; i++) { shift += (parts_in[i * 2u * p.c + c] - base) * rows_of(i); }
  let mean = base + shift / f32(p.rows);
  var squares = V();
  for (var begin = 0u; begin < p.chunks; begin += 8u) {
    var part = V();
    for (var i = begin; i < min(begin + 8u, p.chunks); i++) {
      let d = parts_in[i * 2u * p.c + c] - mean;
      part += fma(d * d, V(rows_of(i)), parts_in[(i * 2u + 1u) * p.c + c]);
    }
    squares += part;
  }
  stats[c] = mean;
  stats[p.c + c] = V(1.0) / sqrt(squares / f32(p.rows) + V(p.eps));
  running_mean[c] += p.momentum * (mean - running_mean[c]);
  // PyTorch keeps the unbiased variance; a single row has none, and is refused before.
  running_var[c] += p.momentum * (squares / (f32(p.rows) - 1.0) - running_var[c]);
}

// Evaluation: mean and rstd from the running statistics. Dispatch (ceil(c/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_running(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  stats[id.x] = running_mean_in[id.x];
  stats[p.c + id.x] = V(1.0) / sqrt(running_var_in[id.x] + V(p.eps));
}

// x normalised and put to scale: what the activation, or the residual before it, takes.
fn affine(x: V, mean: V, rstd: V, weight: V, bias: V) -> V {
  return fma(x - mean, rstd * weight, bias);
}

// An invocation: one V of channels of y over BLOCK rows. Dispatch (ceil(ceil(rows/BLOCK)·c/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let block = job / p.c;
  let c = job - block * p.c;
  let mean = stats_in[c];
  let rstd = stats_in[p.c + c];
  let w = weight[c];
  let shift = bias[c];
  for (var r = block * BLOCK; r < min(block * BLOCK + BLOCK, p.rows); r++) {
    let i = r * p.c + c;
    var v = affine(x[i], mean, rstd, w, shift);
    if (RESIDUAL) { v += residual[i]; }
    y[i] = activate(v);
  }
}

// An invocation: Σ g and Σ g·x̂ of one V of channels over `chunk` rows. Dispatch (ceil(c/WORKGROUP), chunks).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_sums(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * p.chunk;
  let last = min(first + p.chunk, p.rows);
  let mean = stats_in[id.x];
  let rstd = stats_in[p.c + id.x];
  let w = weight[id.x];
  let shift = bias[id.x];
  var sum = V();
  var product = V();
  for (var r = first; r < last; r++) {
    let i = r * p.c + id.x;
    let g = dy[i] * activate_slope(affine(x[i], mean, rstd, w, shift));
    sum += g;
    product = fma(g, (x[i] - mean) * rstd, product);
  }
  parts[id.y * 2u * p.c + id.x] = sum;
  parts[(id.y * 2u + 1u) * p.c + id.x] = product;
}

// The same with a residual; g is written too. Dispatch (ceil(c/WORKGROUP), chunks).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_sums_residual(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * p.chunk;
  let last = min(first + p.chunk, p.rows);
  let mean = stats_in[id.x];
  let rstd = stats_in[p.c + id.x];
  let w = weight[id.x];
  let shift = bias[id.x];
  var sum = V();
  var product = V();
  for (var r = first; r < last; r++) {
    let i = r * p.c + id.x;
    let g = dy[i] * activate_slope(affine(x[i], mean, rstd, w, shift) + residual[i]);
    g_out[i] = g;
    sum += g;
    product = fma(g, (x[i] - mean) * rstd, product);
  }
  parts[id.y * 2u * p.c + id.x] = sum;
  parts[(id.y * 2u + 1u) * p.c + id.x] = product;
}

// An invocation: one V of channels; adds the parts in order. Dispatch (ceil(c/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_finish(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= p.c) { return; }
  var sum = V();
  var product = V();
  for (var i = 0u; i < p.chunks; i++) {
    sum += parts_in[i * 2u * p.c + c];
    product += parts_in[(i * 2u + 1u) * p.c + c];
  }
  sums[c] = sum;
  sums[p.c + c] = product;
  dbias[c] = sum;
  dweight[c] = product;
}

// An invocation: one V of channels of dx (written to y) over BLOCK rows, from dy, or from g where there is a residual
// (ACTIVATION is 0 then). Dispatch (ceil(ceil(rows/BLOCK)·c/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_input(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let block = job / p.c;
  let c = job - block * p.c;
  let mean = stats_in[c];
  let rstd = stats_in[p.c + c];
  let w = weight[c];
  let shift = bias[c];
  let of_mean = sums_in[c] / f32(p.rows);
  let of_variance = rstd * sums_in[p.c + c] / f32(p.rows);
  for (var r = block * BLOCK; r < min(block * BLOCK + BLOCK, p.rows); r++) {
    let i = r * p.c + c;
    let v = x[i];
    var g = dy[i] * activate_slope(affine(v, mean, rstd, w, shift));
    if (BATCH) { g -= fma(v - mean, of_variance, of_mean); }
    y[i] = g * (rstd * w);
  }
}
