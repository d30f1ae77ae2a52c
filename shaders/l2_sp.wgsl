// The penalty that keeps fine-tuned weights near those they started from: L2-SP (Li, Grandvalet and Davoine, "Explicit
// Inductive Bias for Transfer Learning with Convolutional Networks", 2018),
//
//   Ω(w) = α/2·Σ (w − start)²  over the weights that came from elsewhere  +  β/2·Σ w²  over the fresh ones
//
// It is never computed itself: what the optimiser needs is its gradient, which is added to the loss's in flat memory, where
// all parameters lie one after the other (optimizer.wgsl). `start` is zero where weights are fresh, so that both sums become
//
//   gradient += strength·(w − start)
//
// with a strength for each chunk of CHUNK vec4s: α, β, or 0 where nothing is to pull. No two parameters share a chunk.
// An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;
const CHUNK = 16u;
const FROZEN = 0xffffffffu;

struct Params { count: u32 }  // vec4s

@group(0) @binding(0) var<storage, read> parameter: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> start: array<vec4f>;
@group(0) @binding(3) var<storage, read> strengths: array<f32>;
@group(0) @binding(4) var<storage, read> chunks: array<vec2u>;   // record, elements: FROZEN where there is no gradient
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn l2_sp(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count || chunks[i / CHUNK].x == FROZEN) { return; }
  gradient[i] = fma(vec4f(strengths[i / CHUNK]), parameter[i] - start[i], gradient[i]);
}
