// Logits of V views of each image to logits of the image, for five-crop and ten-crop tests. The mean of the logits, or the
// logarithm of the mean of the softmax, whose softmax is that mean:
//   y[n,k] = log(Σ_v softmax(x[n,v])[k] / V),  by log-sum-exp twice so that nothing overflows or becomes log 0.
// An invocation: one image. Dispatch (ceil(N/WORKGROUP)).

const WORKGROUP = 64u;
const SOFTMAX = true;

struct Params { n: u32, views: u32, k: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;          // (N,V,K)
@group(0) @binding(1) var<storage, read_write> y: array<f32>;    // (N,K)
@group(0) @binding(2) var<uniform> p: Params;

/// log Σ exp of the view's logits.
fn log_sum(base: u32) -> f32 {
  var highest = x[base];
  for (var k = 1u; k < p.k; k++) { highest = max(highest, x[base + k]); }
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum += exp(x[base + k] - highest); }
  return highest + log(sum);
}

@compute @workgroup_size(WORKGROUP)
fn average_views(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= p.n) { return; }
  let views = f32(p.views);
  for (var k = 0u; k < p.k; k++) { y[n * p.k + k] = 0.0; }
  for (var v = 0u; v < p.views; v++) {
    let base = (n * p.views + v) * p.k;
    var norm = 0.0;
    if (SOFTMAX) { norm = log_sum(base); }
    for (var k = 0u; k < p.k; k++) {
      let at = n * p.k + k;
      let value = x[base + k] - norm;
      if (!SOFTMAX) {
        y[at] += value / views;
      } else if (v == 0u) {
        y[at] = value;
      } else {
        // log(e^a + e^b) = max + log(1 + e^−|a−b|); a NaN stays one.
        let before = y[at];
        y[at] = max(before, value) + log(1.0 + exp(-abs(before - value)));
      }
    }
  }
  if (SOFTMAX) {
    for (var k = 0u; k < p.k; k++) { y[n * p.k + k] -= log(views); }
  }
}
