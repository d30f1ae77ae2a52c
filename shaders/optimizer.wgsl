// One optimiser step over a flat range of parameters: any number of tensors in one launch.
//
// What changes at every step lies in `state`, written once a step, so that launches stay the same:
//   adam  learning rate / (1 − β1ᵗ), 1/sqrt(1 − β2ᵗ)     sgd  learning rate
// The formulas are those of torch.optim.Adam and SGD (weight decay is added to the gradient; dampening 0).
// totals[3] counts losses that were not finite (cross_entropy.wgsl): then nothing moves, and the parameters stay those of
// the step that went wrong. An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;
const NESTEROV = false; // sgd_momentum: look ahead

struct Params { count: u32, beta1: f32, beta2: f32, eps: f32, weight_decay: f32, momentum: f32 } // count in vec4s

@group(0) @binding(0) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> first: array<vec4f>;   // adam: mean of gradients; sgd_momentum: velocity
@group(0) @binding(3) var<storage, read_write> second: array<vec4f>;  // adam: mean of squares
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read> totals: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn adam(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count || totals[3] > 0.0) { return; }
  let w = parameter[i];
  let g = fma(vec4f(p.weight_decay), w, gradient[i]);
  let m = first[i] + (1.0 - p.beta1) * (g - first[i]);
  let v = p.beta2 * second[i] + (1.0 - p.beta2) * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = w - state[0] * m / (sqrt(v) * state[1] + p.eps);
}

@compute @workgroup_size(WORKGROUP)
fn sgd(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count || totals[3] > 0.0) { return; }
  let w = parameter[i];
  parameter[i] = w - state[0] * fma(vec4f(p.weight_decay), w, gradient[i]);
}

@compute @workgroup_size(WORKGROUP)
fn sgd_momentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count || totals[3] > 0.0) { return; }
  let w = parameter[i];
  let g = fma(vec4f(p.weight_decay), w, gradient[i]);
  let velocity = fma(vec4f(p.momentum), first[i], g);
  first[i] = velocity;
  var step = velocity;
  if (NESTEROV) { step = fma(vec4f(p.momentum), velocity, g); }
  parameter[i] = w - state[0] * step;
}
