// Batch normalisation over the rows of x (M,C), channels innermost: M = N·H·W for images, N for vectors.
//
//   y = (x − mean) · rstd · weight + bias (then relu),   rstd = 1/sqrt(var + eps)
//
// Training takes mean and (biased) variance from the batch, evaluation from the running statistics. The gradients with
// batch statistics are those of Ioffe and Szegedy, "Batch Normalization", 2015, section 3:
//   dbias = Σ dy,  dweight = Σ dy·x̂,  dx = weight·rstd · (dy − dbias/M − x̂·dweight/M)
//
// Statistics: chunks of rows give (mean, sum of squared deviations) each (batch_norm_statistics), which one invocation a
// channel merges in a fixed order (batch_norm_finish; Chan, Golub and LeVeque 1979), so that no large mean is squared.
// Fields written (C) lie in V; c in Params counts V.

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;
const RELU = false;  // apply, backward: a relu follows
const BATCH = true;  // backward: statistics came from the batch

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
@group(0) @binding(3) var<storage, read> dy: array<V>;             // (M,C)
@group(0) @binding(4) var<storage, read> y_in: array<V>;           // (M,C), with RELU
@group(0) @binding(7) var<storage, read_write> sums: array<V>;     // (2,C): dbias, dweight
@group(0) @binding(8) var<storage, read> sums_in: array<V>;
@group(0) @binding(8) var<storage, read_write> dweight: array<V>;
@group(0) @binding(9) var<storage, read_write> dbias: array<V>;
@group(0) @binding(10) var<uniform> p: Params;

// An invocation: one V of channels over `chunk` rows. Dispatch (ceil(c/WORKGROUP), chunks).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_statistics(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * p.chunk;
  let last = min(first + p.chunk, p.rows);
  // Two passes over the chunk, which is still in the cache: sums of deviations lose nothing to a large mean.
  var sum = V();
  for (var r = first; r < last; r++) { sum += x[r * p.c + id.x]; }
  let mean = sum / f32(last - first);
  var squares = V();
  for (var r = first; r < last; r++) {
    let d = x[r * p.c + id.x] - mean;
    squares = fma(d, d, squares);
  }
  parts[id.y * 2u * p.c + id.x] = mean;
  parts[(id.y * 2u + 1u) * p.c + id.x] = squares;
}

// An invocation: one V of channels. Writes mean and rstd, moves the running statistics. Dispatch (ceil(c/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_finish(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= p.c) { return; }
  var mean = V();
  var squares = V();
  var seen = 0.0;
  for (var i = 0u; i < p.chunks; i++) {
    let count = f32(min(p.chunk, p.rows - i * p.chunk));
    let delta = parts_in[i * 2u * p.c + c] - mean;
    let total = seen + count;
    mean += delta * (count / total);
    squares += parts_in[(i * 2u + 1u) * p.c + c] + delta * delta * (seen * count / total);
    seen = total;
  }
  let variance = squares / seen;
  stats[c] = mean;
  stats[p.c + c] = V(1.0) / sqrt(variance + V(p.eps));
  running_mean[c] += p.momentum * (mean - running_mean[c]);
  // PyTorch keeps the unbiased variance; a single row has none, and is refused before.
  running_var[c] += p.momentum * (squares / (seen - 1.0) - running_var[c]);
}

// Evaluation: mean and rstd from the running statistics. Dispatch (ceil(c/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_running(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  stats[id.x] = running_mean_in[id.x];
  stats[p.c + id.x] = V(1.0) / sqrt(running_var_in[id.x] + V(p.eps));
}

// An invocation: one V of y. Dispatch (ceil(rows·c/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.rows * p.c) { return; }
  let c = i % p.c;
  let v = fma((x[i] - stats_in[c]) * stats_in[p.c + c], weight[c], bias[c]);
  if (RELU) { y[i] = select(v, V(), v < V()); } else { y[i] = v; }
}

// An invocation: Σ dy and Σ dy·x̂ of one V of channels over `chunk` rows. Dispatch (ceil(c/WORKGROUP), chunks).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_sums(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * p.chunk;
  let last = min(first + p.chunk, p.rows);
  let mean = stats_in[id.x];
  let rstd = stats_in[p.c + id.x];
  var sum = V();
  var product = V();
  for (var r = first; r < last; r++) {
    let i = r * p.c + id.x;
    var g = dy[i];
    if (RELU) { g = select(V(), g, y_in[i] > V()); }
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

// An invocation: one V of dx (written to y). Dispatch (ceil(rows·c/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn batch_norm_backward_input(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.rows * p.c) { return; }
  let c = i % p.c;
  let rstd = stats_in[p.c + c];
  var g = dy[i];
  if (RELU) { g = select(V(), g, y_in[i] > V()); }
  if (BATCH) { g -= (sums_in[c] + (x[i] - stats_in[c]) * rstd * sums_in[p.c + c]) / f32(p.rows); }
  y[i] = g * weight[c] * rstd;
}
