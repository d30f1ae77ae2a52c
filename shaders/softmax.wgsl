// Softmax and log-softmax over the last dimension of (N,K), and their gradients.
//
//   softmax      y = exp(x − m)/Σ exp(x − m)      dx = y·(dy − Σ dy·y)
//   log-softmax  y = x − m − log Σ exp(x − m)     dx = dy − exp(y)·Σ dy
//
// An invocation does one row: K is a number of classes. Dispatch (ceil(N/WORKGROUP)).

const WORKGROUP = 64u;
const LOG = false;

struct Params { n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn softmax_forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.n) { return; }
  let base = id.x * p.k;
  var highest = x[base];
  for (var k = 1u; k < p.k; k++) { highest = max(highest, x[base + k]); }
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += exp(x[base + k] - highest); }
  for (var k = 0u; k < p.k; k++) {
    let v = x[base + k] - highest;
    if (LOG) { y[base + k] = v - log(sum); } else { y[base + k] = exp(v) / sum; }
  }
}

@group(0) @binding(0) var<storage, read> y_in: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@compute @workgroup_size(WORKGROUP)
fn softmax_backward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.n) { return; }
  let base = id.x * p.k;
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += dy[base + k] * select(y_in[base + k], 1.0, LOG); }
  for (var k = 0u; k < p.k; k++) {
    if (LOG) { dx[base + k] = dy[base + k] - exp(y_in[base + k]) * sum; }
    else { dx[base + k] = y_in[base + k] * (dy[base + k] - sum); }
  }
}
