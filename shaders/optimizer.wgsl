// Updates of all parameters at once: they lie one after the other in flat memory, beside their gradients.
//
// Flat memory is cut into chunks of CHUNK vec4s, and no two parameters share one. `chunks` says of each which record of
// `records` holds what its parameter is updated by, or FROZEN, and how many of its elements are the parameter's; the rest
// is padding. So one launch serves parameters of different learning rates, weight decays and numbers of updates. Records
// are written once a step:
//
//   records[0]       factor that clips the gradients by their norm, that norm (norm_finish)
//   records[1 + 2r]  rate, weight decay, momentum (adam: β1), gain (sgd: 1 − dampening, 1 at the first update; adam: 1 − β1)
//   records[2 + 2r]  1 / sqrt(1 − β2ᵗ), t, lr, ln β2 (adam; t, of sgd with dampening too, and the rest for grad_scaler.wgsl)
//
// The formulas are those of torch.optim, whose weight decay is added to the gradient, but for AdamW (DECOUPLED; Loshchilov
// and Hutter 2019), where it shrinks the parameter; rate is lr, for adam lr / (1 − β1ᵗ).
// totals[3] counts losses that were not finite (cross_entropy.wgsl): then nothing moves, and the parameters stay those of
// the step that went wrong. An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;
const CHUNK = 16u;
const FROZEN = 0xffffffffu;
const NESTEROV = false;   // sgd_momentum: look ahead
const DECOUPLED = false;  // adam: weight decay past the moments
const CLIP_NORM = false;  // gradients are multiplied by records[0].x
const CLIP_VALUE = false; // gradients are cut off at ±clip
const SPAN = 16u;         // norm_parts: vec4s of an invocation
const WARM_UP = false;    // ema_weight: the decay grows over the first updates

struct Params {
  count: u32,       // vec4s
  smoothing: f32,   // adam: β2; rmsprop: α
  renewal: f32,     // 1 − smoothing, to its own last digit; ema_weight: 1 − decay
  eps: f32,
  clip: f32,        // largest gradient, largest norm
  parts: u32,       // norm_parts: parts of this launch; norm_finish: of all
}

@group(0) @binding(0) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> first: array<vec4f>;   // adam: mean of gradients; sgd_momentum: velocity; rmsprop: mean of squares
@group(0) @binding(3) var<storage, read_write> second: array<vec4f>;  // adam: mean of squares; rmsprop: velocity, or mean of gradients
@group(0) @binding(4) var<storage, read_write> third: array<vec4f>;   // rmsprop with momentum and centred: mean of gradients
@group(0) @binding(5) var<storage, read> records: array<vec4f>;
@group(0) @binding(6) var<storage, read> chunks: array<vec2u>;        // record, elements
@group(0) @binding(7) var<storage, read> totals: array<f32>;
@group(0) @binding(8) var<uniform> p: Params;

// Which record updates vec4 `i`: FROZEN where nothing does.
fn record_of(i: u32) -> u32 {
  if (i >= p.count || totals[3] > 0.0) { return FROZEN; }
  return chunks[i / CHUNK].x;
}

// NaN stays NaN: comparisons with it are false, and clamp would hide it.
fn clipped(i: u32) -> vec4f {
  var g = gradient[i];
  if (CLIP_NORM) { g *= records[0].x; }
  if (CLIP_VALUE) { g = select(select(g, vec4f(p.clip), g > vec4f(p.clip)), vec4f(-p.clip), g < vec4f(-p.clip)); }
  return g;
}

@compute @workgroup_size(WORKGROUP)
fn adam(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  var w = parameter[i];
  var g = clipped(i);
  if (DECOUPLED) { w = fma(vec4f(-a.y), w, w); } else { g = fma(vec4f(a.y), w, g); }
  let m = first[i] + a.w * (g - first[i]);
  let v = p.smoothing * second[i] + p.renewal * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = w - a.x * m / (sqrt(v) * records[2u + 2u * r].x + p.eps);
}

@compute @workgroup_size(WORKGROUP)
fn sgd(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  parameter[i] = w - a.x * fma(vec4f(a.y), w, clipped(i));
}

@compute @workgroup_size(WORKGROUP)
fn sgd_momentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  let g = fma(vec4f(a.y), w, clipped(i));
  let velocity = fma(vec4f(a.z), first[i], a.w * g);
  first[i] = velocity;
  var step = velocity;
  if (NESTEROV) { step = fma(vec4f(a.z), velocity, g); }
  parameter[i] = w - a.x * step;
}

// Mean of squares, renewed by `g`.
fn renewed_square(i: u32, g: vec4f) -> vec4f {
  let square = p.smoothing * first[i] + p.renewal * g * g;
  first[i] = square;
  return square;
}

@compute @workgroup_size(WORKGROUP)
fn rmsprop(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  let g = fma(vec4f(a.y), w, clipped(i));
  parameter[i] = w - a.x * g / (sqrt(renewed_square(i, g)) + p.eps);
}

@compute @workgroup_size(WORKGROUP)
fn rmsprop_momentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  let g = fma(vec4f(a.y), w, clipped(i));
  let velocity = fma(vec4f(a.z), second[i], g / (sqrt(renewed_square(i, g)) + p.eps));
  second[i] = velocity;
  parameter[i] = w - a.x * velocity;
}

// The deviation about the mean. PyTorch's is NaN once rounding takes the difference below zero; here it is 0 then.
fn centred(square: vec4f, mean: vec4f) -> vec4f {
  let variance = fma(-mean, mean, square);
  return sqrt(select(variance, vec4f(), variance < vec4f()));
}

@compute @workgroup_size(WORKGROUP)
fn rmsprop_centered(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  let g = fma(vec4f(a.y), w, clipped(i));
  let mean = second[i] + p.renewal * (g - second[i]);
  second[i] = mean;
  parameter[i] = w - a.x * g / (centred(renewed_square(i, g), mean) + p.eps);
}

@compute @workgroup_size(WORKGROUP)
fn rmsprop_centered_momentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let r = record_of(i);
  if (r == FROZEN) { return; }
  let a = records[1u + 2u * r];
  let w = parameter[i];
  let g = fma(vec4f(a.y), w, clipped(i));
  let mean = third[i] + p.renewal * (g - third[i]);
  third[i] = mean;
  let velocity = fma(vec4f(a.z), second[i], g / (centred(renewed_square(i, g), mean) + p.eps));
  second[i] = velocity;
  parameter[i] = w - a.x * velocity;
}

var<workgroup> sums: array<f32, WORKGROUP>;

// Σ of the lanes' values, in a fixed order.
fn workgroup_sum(lane: u32, value: f32) -> f32 {
  sums[lane] = value;
  workgroupBarrier();
  for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
    if (lane < width) { sums[lane] += sums[lane + width]; }
    workgroupBarrier();
  }
  return sums[0];
}

// Σ gradient² of the parameters that are updated, in parts: a workgroup does WORKGROUP·SPAN vec4s. Dispatch (parts/y, y).
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;
@compute @workgroup_size(WORKGROUP)
fn norm_parts(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let part = group.y * groups.x + group.x;
  var sum = 0.0;
  for (var k = 0u; k < SPAN; k++) {
    let i = (part * SPAN + k) * WORKGROUP + lane;
    if (i >= p.count) { break; }
    let chunk = chunks[i / CHUNK];
    if (chunk.x == FROZEN) { continue; }
    let before = 4u * (i % CHUNK);
    let g = select(vec4f(), gradient[i], vec4u(before, before + 1u, before + 2u, before + 3u) < vec4u(chunk.y));
    sum += dot(g, g);
  }
  let total = workgroup_sum(lane, sum);
  if (lane == 0u && part < p.parts) { parts[part] = total; }
}

// Adds the parts. The factor is that of torch.nn.utils.clip_grad_norm_: min(1, clip / (norm + 1e-6)). Dispatch (1).
@group(0) @binding(0) var<storage, read> all_parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> header: array<vec4f>; // the records
@compute @workgroup_size(WORKGROUP)
fn norm_finish(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var part = lane; part < p.parts; part += WORKGROUP) { sum += all_parts[part]; }
  let norm = sqrt(workgroup_sum(lane, sum));
  let factor = p.clip / (norm + 1e-6);
  if (lane == 0u) { header[0] = vec4f(select(factor, 1.0, factor > 1.0), norm, 0.0, 0.0); }
}

// What the moving average takes of the parameters after an update: all of them after the first, then 1 − decay. While it warms
// up the decay after t updates is min(decay, (1 + t) / (10 + t)), as TensorFlow's ExponentialMovingAverage has it. Updates are
// counted here, since the host does not know of those that were left out. Dispatch (1).
@group(0) @binding(2) var<storage, read_write> progress: array<u32>;   // the bits of the weight, updates so far
@compute @workgroup_size(1)
fn ema_weight() {
  if (totals[3] > 0.0) { return; }
  let t = progress[1];
  progress[1] = t + 1u;
  var share = p.renewal;
  if (WARM_UP) { share = max(share, 9.0 / (10.0 + f32(t))); }
  progress[0] = bitcast<u32>(select(share, 1.0, t == 0u));
}

// The moving average of parameters: average += weight · (parameter − average), which is theirs to the bit where weight is 1.
// An invocation does a vec4; dispatch as for the updates.
@group(0) @binding(0) var<storage, read> source: array<vec4f>;         // the parameters
@group(0) @binding(1) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;           // [0]: of ema_weight
@compute @workgroup_size(WORKGROUP)
fn ema_update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count || totals[3] > 0.0) { return; }
  let old = average[i];
  let new_value = source[i];
  average[i] = select(old + weight[0] * (new_value - old), new_value, weight[0] == 1.0);
}

@compute @workgroup_size(WORKGROUP)
fn ema_swap(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let held = parameter[i];
  parameter[i] = average[i];
  average[i] = held;
}
