// Inverted dropout: y = x · keep / (1 − probability), keep drawn anew at every forward; the same kernel on dy gives dx.
//
// The four bits of a vec4 come from one call of pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3),
// 2020) on (position, draw, stream, seed): the mask is a function of counters, so backward draws it again instead of
// loading it, and a resumed run draws what the uninterrupted one would have drawn.
// An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;
const STREAM = 2u; // src/tensor/random.ts

struct Params { count: u32, probability: f32 } // count in vec4s

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> key: array<u32>; // seed, draw
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn pcg4d(counters: vec4u) -> vec4u {
  var v = counters * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

@compute @workgroup_size(WORKGROUP)
fn dropout(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let uniform_numbers = vec4f(pcg4d(vec4u(i, key[1], STREAM, key[0])) >> vec4u(8u)) / 16777216.0;
  y[i] = select(vec4f(), x[i] / (1.0 - p.probability), uniform_numbers >= vec4f(p.probability));
}
