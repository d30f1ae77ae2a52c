// Step 1 of docs/shaders/cross-entropy.md: softmax, loss and gradient as three kernels with a tensor of probabilities
// between them.
// logits, probability and dlogits (N,K), labels (N), loss (1).

struct Params { n: u32, k: u32 }

//! scratch probability = n * k
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> probability: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

//! dispatch (ceil(n / 64))
@compute @workgroup_size(64)
fn softmax(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.n) { return; }
  let base = id.x * p.k;
  var highest = logits[base];
  for (var k = 1u; k < p.k; k++) { highest = max(highest, logits[base + k]); }
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += exp(logits[base + k] - highest); }
  for (var k = 0u; k < p.k; k++) { probability[base + k] = exp(logits[base + k] - highest) / sum; }
}

// −log of a probability that was rounded to 0 is infinite: the fault that fusing removes.
//! dispatch (1)
@compute @workgroup_size(1)
fn mean_loss() {
  var sum = 0.0;
  for (var n = 0u; n < p.n; n++) { sum -= log(probability[n * p.k + labels[n]]); }
  loss[0] = sum / f32(p.n);
}

//! dispatch (ceil(n * k / 64))
@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.n * p.k) { return; }
  let target_value = select(0.0, 1.0, id.x % p.k == labels[id.x / p.k]);
  dlogits[id.x] = (probability[id.x] - target_value) / f32(p.n);
}
