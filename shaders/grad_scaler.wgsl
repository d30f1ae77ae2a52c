// Dynamic scaling of the loss, which keeps small gradients above the least f16 number (Micikevicius et al. 2018), by the
// rule of torch.amp.GradScaler, without a readback.
//
// Gradients come multiplied by `scale`. `unscale` divides them and notices one that is not finite: then the optimiser is to do
// nothing at this step, and the scale is halved. After `interval` steps without that it is doubled. What the optimiser reads
// instead of the totals of the losses (optimizer.wgsl) is `guard`.
//
// The state: scale; steps since it last changed; updates that were left out; whether this step found a gradient that is not
// finite. The last three are u32.

const WORKGROUP = 64u;
const CHUNK = 16u;            // vec4s, as in optimizer.wgsl
const FROZEN = 0xffffffffu;

struct Params {
  count: u32,    // unscale: vec4s; correct_adam, correct_sgd: records
  growth: f32,   // factor after `interval` good steps
  backoff: f32,  // factor after a bad one
  interval: u32,
}

@group(0) @binding(0) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> chunks: array<vec2u>;               // optimizer.wgsl
@group(0) @binding(2) var<storage, read_write> state: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> totals: array<f32>;                 // [3]: losses that were not finite
@group(0) @binding(4) var<storage, read_write> guard: array<f32>;            // totals for the optimiser
@group(0) @binding(5) var<storage, read_write> records: array<vec4f>;        // optimizer.wgsl
@group(0) @binding(6) var<uniform> p: Params;

// An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).
@compute @workgroup_size(WORKGROUP)
fn unscale(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let chunk = chunks[i / CHUNK];
  if (chunk.x == FROZEN) { return; }
  // The scale is a power of two, whose inverse has the opposite exponent: a division might be off by a bit.
  let g = gradient[i] * bitcast<f32>(0x7f000000u - atomicLoad(&state[0]));
  gradient[i] = g;
  // Beyond the parameter's elements lies padding. Infinities and NaN have all bits of the exponent; compilers may take it that
  // comparisons never meet them.
  let before = 4u * (i % CHUNK);
  let inside = vec4u(before, before + 1u, before + 2u, before + 3u) < vec4u(chunk.y);
  let exponent = vec4u(0x7f800000u);
  if (any(((bitcast<vec4u>(g) & exponent) == exponent) & inside)) { atomicStore(&state[3], 1u); }
}

// 1 − exp(z) for z ≤ 0, to the last digits where z is small: 1 − βᵗ, given t·ln β.
fn one_minus_exp(z: f32) -> f32 {
  if (z < -0.5) { return 1.0 - exp(z); }
  return -z * (1.0 + z / 2.0 * (1.0 + z / 3.0 * (1.0 + z / 4.0 * (1.0 + z / 5.0 * (1.0 + z / 6.0 * (1.0 + z / 7.0))))));
}

// Adam's corrections for its early steps, which count the updates that were made. Record r comes as rate, weight decay, β1,
// 1 − β1; 1/sqrt(1 − β2ᵗ), t, lr, ln β2, where t counts updates that were left out too. An invocation does a record.
// Dispatch (ceil(count/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn correct_adam(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.count) { return; }
  let at = 1u + 2u * id.x;
  let beta1 = max(records[at].z, 1e-30);
  let tail = records[at + 1u];
  let t = tail.y - f32(atomicLoad(&state[2]));
  records[at].x = tail.z / one_minus_exp(t * log(beta1));
  records[at + 1u].x = inverseSqrt(one_minus_exp(t * tail.w));
}

// The first velocity of SGD is the whole gradient, dampening or not. Record r comes as lr, weight decay, momentum, gain; and t,
// which counts updates that were left out too, in the place where Adam has it. Dispatch (ceil(count/WORKGROUP)).
@compute @workgroup_size(WORKGROUP)
fn correct_sgd(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.count) { return; }
  let at = 1u + 2u * id.x;
  if (records[at + 1u].y - f32(atomicLoad(&state[2])) <= 1.0) { records[at].w = 1.0; }
}

// Decides on the step, and on the next scale. A loss that is not finite ends the run, so the scale stays. Dispatch (1).
@compute @workgroup_size(1)
fn finish() {
  let found = atomicLoad(&state[3]);
  for (var i = 0u; i < 3u; i++) { guard[i] = totals[i]; }
  guard[3] = totals[3] + f32(found);
  atomicStore(&state[3], 0u);
  if (totals[3] > 0.0) { return; }
  var scale = bitcast<f32>(atomicLoad(&state[0]));
  var good = atomicLoad(&state[1]) + 1u;
  if (found != 0u) {
    scale *= p.backoff;
    good = 0u;
    atomicStore(&state[2], atomicLoad(&state[2]) + 1u);
  } else if (good == p.interval) {
    good = 0u;
    if (scale < 1e37) { scale *= p.growth; } // within f32
  }
  atomicStore(&state[0], bitcast<u32>(scale));
  atomicStore(&state[1], good);
}
