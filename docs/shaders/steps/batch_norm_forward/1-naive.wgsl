// Step 1 of docs/shaders/batch-norm.md: one invocation takes a channel through everything: mean, variance, result.
// x and y (M,C), channels innermost, M = N·H·W (`rows`); weight and bias (C).

struct Params { rows: u32, c: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

//! dispatch (ceil(c / 8))
@compute @workgroup_size(8)
fn batch_norm(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= p.c) { return; }
  var sum = 0.0;
  for (var r = 0u; r < p.rows; r++) { sum += x[r * p.c + c]; }
  let mean = sum / f32(p.rows);
  var squares = 0.0;
  for (var r = 0u; r < p.rows; r++) {
    let d = x[r * p.c + c] - mean;
    squares = fma(d, d, squares);
  }
  let scale = weight[c] / sqrt(squares / f32(p.rows) + p.eps);
  for (var r = 0u; r < p.rows; r++) { y[r * p.c + c] = fma(x[r * p.c + c] - mean, scale, bias[c]); }
}
