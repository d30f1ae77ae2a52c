// Step 2 of docs/shaders/batch-norm.md: chunks of rows give mean and squared deviations, one invocation a channel merges
// them, and one invocation an element applies them. Three launches, so that each has work for the whole machine.
// x and y (M,C), M = N·H·W (`rows`); parts (chunks,2,C); stats (2,C): mean, rstd.

const CHUNK = 64u; // rows

struct Params { rows: u32, c: u32, eps: f32 }

//! scratch parts = ceil(rows / CHUNK) * 2 * c
//! scratch stats = 2 * c
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

//! dispatch (ceil(c / 32), ceil(rows / CHUNK))
@compute @workgroup_size(32)
fn statistics(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c) { return; }
  let first = id.y * CHUNK;
  let last = min(first + CHUNK, p.rows);
  var sum = 0.0;
  for (var r = first; r < last; r++) { sum += x[r * p.c + id.x]; }
  let mean = sum / f32(last - first);
  var squares = 0.0;
  for (var r = first; r < last; r++) {
    let d = x[r * p.c + id.x] - mean;
    squares = fma(d, d, squares);
  }
  parts[id.y * 2u * p.c + id.x] = mean;
  parts[(id.y * 2u + 1u) * p.c + id.x] = squares;
}

//! dispatch (ceil(c / 32))
@compute @workgroup_size(32)
fn merge(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= p.c) { return; }
  let chunks = (p.rows + CHUNK - 1u) / CHUNK;
  var mean = 0.0;
  for (var i = 0u; i < chunks; i++) { mean += parts[i * 2u * p.c + c] * f32(min(CHUNK, p.rows - i * CHUNK)); }
  mean /= f32(p.rows);
  var squares = 0.0;
  for (var i = 0u; i < chunks; i++) {
    let d = parts[i * 2u * p.c + c] - mean;
    squares += fma(d * d, f32(min(CHUNK, p.rows - i * CHUNK)), parts[(i * 2u + 1u) * p.c + c]);
  }
  stats[c] = mean;
  stats[p.c + c] = 1.0 / sqrt(squares / f32(p.rows) + p.eps);
}

//! dispatch (ceil(rows * c / 64 / 256), 256)
@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.rows * p.c) { return; }
  let c = i % p.c;
  y[i] = fma(x[i] - stats[c], stats[p.c + c] * weight[c], bias[c]);
}
