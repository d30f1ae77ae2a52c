// Softmax and cross-entropy in one: the loss of logits (N,K), and its gradient.
//
//   loss = Σ_n w[t_n]·((1−s)·(−log q[n,t_n])) + s/K·Σ_k w[k]·(−log q[n,k]))  /  Σ_n w[t_n],   q = softmax(logits)
//
// for class labels t with class weights w and label smoothing s, and Σ_n Σ_k w[k]·target[n,k]·(−log q[n,k]) / N for target
// probabilities: the mean reduction of torch.nn.CrossEntropyLoss (the smoothed term is divided by the same Σ w[t]).
// The focal loss (Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object Detection", 2017) weighs each −log q by
// (1 − q)^γ, so that what is predicted well counts for less; with γ of 0 it is the cross-entropy.
// `row` is Σ_k u[n,k]·(1 − q)^γ·(−log q[n,k]) with u the coefficients above, `norm` what the sum is divided by. Its gradient
// with respect to logit j is B[j] − q[j]·Σ_k B[k] with B[k] = u[k]·(γ·q·(1 − q)^(γ−1)·log q − (1 − q)^γ), −u[k] for γ of 0.
// log-sum-exp subtracts the row's maximum, so that no exponential overflows. A label of K or more cannot be refused here:
// it makes the loss and its row's gradient NaN, which stops training.

const WORKGROUP = 64u;
const SOFT = false;     // targets are probabilities (N,K), else labels (N)
const WEIGHTED = false; // class weights
const FOCAL = false;

struct Params { n: u32, k: u32, smoothing: f32, gamma: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;            // (N,K)
@group(0) @binding(1) var<storage, read> labels: array<u32>;            // (N)
@group(0) @binding(2) var<storage, read> target_probability: array<f32>;            // (N,K)
@group(0) @binding(3) var<storage, read> class_weight: array<f32>;      // (K)
@group(0) @binding(4) var<storage, read_write> rows: array<vec2f>;      // (N): loss before division, weight of the row
@group(0) @binding(5) var<storage, read_write> coefficients: array<f32>; // (N,K): B − q·ΣB, the gradient before division
@group(0) @binding(6) var<uniform> p: Params;

// An invocation: one row. Dispatch (ceil(N/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn cross_entropy_rows(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= p.n) { return; }
  let base = n * p.k;
  var highest = logits[base];
  for (var k = 1u; k < p.k; k++) { highest = max(highest, logits[base + k]); }
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += exp(logits[base + k] - highest); }
  let log_sum = log(sum) + highest;
  var label = 0u;
  if (!SOFT) { label = labels[n]; }
  // The bits of NaN go through a variable: a constant that is not finite does not compile.
  var nan_bits = 0x7fc00000u;
  let start = select(0.0, bitcast<f32>(nan_bits), label >= p.k);
  var label_weight = 1.0;
  if (WEIGHTED && !SOFT) { label_weight = class_weight[min(label, p.k - 1u)]; }
  var loss = start;
  var total = start; // −Σ B
  for (var turn = 0u; turn < 2u; turn++) {
    for (var k = 0u; k < p.k; k++) {
      var u = p.smoothing / f32(p.k);
      if (SOFT) { u += (1.0 - p.smoothing) * target_probability[base + k]; }
      else if (k == label) { u += 1.0 - p.smoothing; }
      if (WEIGHTED) { u *= class_weight[k]; }
      let log_q = logits[base + k] - log_sum;
      var slope = u; // −B
      var weight = 1.0;
      if (FOCAL && u != 0.0) {
        let q = exp(log_q);
        let miss = select(1.0 - q, 0.0, q > 1.0);
        weight = pow(miss, p.gamma);
        // With nothing missed the limit is 0, but its factors are 0 and, for γ below 1, infinity.
        slope = select(u * (weight - p.gamma * q * (weight / miss) * log_q), 0.0, miss == 0.0);
      }
      if (turn == 0u) {
        // 0 · infinity: a class that has no share of the target adds nothing, however small its probability.
        if (u != 0.0) { loss -= u * weight * log_q; }
        total += slope;
      } else {
        coefficients[base + k] = exp(log_q) * total - slope;
      }
    }
  }
  rows[n] = vec2f(loss, label_weight);
}

@group(0) @binding(0) var<storage, read> rows_in: array<vec2f>;         // (N)
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;        // (2): loss, norm
// Adds the rows in order. One invocation: N is a batch. Dispatch (1).
@compute @workgroup_size(1)
fn cross_entropy_mean() {
  var sum = vec2f();
  for (var n = 0u; n < p.n; n++) { sum += rows_in[n]; }
  let norm = select(sum.y, f32(p.n), SOFT);
  loss[0] = sum.x / norm;
  loss[1] = norm;
}

@group(0) @binding(0) var<storage, read> coefficients_in: array<f32>;   // (N,K)
@group(0) @binding(1) var<storage, read> loss_in: array<f32>;           // (2)
@group(0) @binding(2) var<storage, read> dy: array<f32>;                // (1)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;          // (N,K)
// An invocation: one element. Dispatch (ceil(N·K/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn cross_entropy_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.n * p.k) { dx[i] = coefficients_in[i] * (dy[0] / loss_in[1]); }
}

@group(0) @binding(1) var<storage, read> loss_value: array<f32>;        // (1)
@group(0) @binding(2) var<storage, read> truth: array<u32>;             // (N)
@group(0) @binding(3) var<storage, read_write> totals: array<f32>;      // (4): loss·N, correct, N, non-finite losses
// Adds a batch to an epoch's totals, so that nothing is read back inside a step. A batch whose loss is not finite is only
// counted: the optimiser sees the count and stands still. The first of equal logits is the prediction. Dispatch (1).
@compute @workgroup_size(1)
fn cross_entropy_totals() {
  let value = loss_value[0];
  // x - x is zero for every finite x; comparisons with infinity may be assumed away by a driver's fast maths.
  let exponent = (bitcast<u32>(value) >> 23u) & 0xffu;
  if (exponent == 0xffu || totals[3] > 0.0) {
    totals[3] += 1.0;
    return;
  }
  var correct = 0.0;
  for (var n = 0u; n < p.n; n++) {
    var best = 0u;
    for (var k = 1u; k < p.k; k++) {
      if (logits[n * p.k + k] > logits[n * p.k + best]) { best = k; }
    }
    correct += select(0.0, 1.0, best == truth[n]);
  }
  totals[0] += value * f32(p.n);
  totals[1] += correct;
  totals[2] += f32(p.n);
}
