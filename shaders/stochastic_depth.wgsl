// Stochastic depth (Huang et al., "Deep Networks with Stochastic Depth", 2016), torchvision's mode 'row': each sample of a
// batch is kept with 1 − probability and scaled by its inverse, or zeroed as a whole.
//
// The bit of sample n is lane n mod 4 of pcg4d (dropout.wgsl) on (n/4, draw, stream, seed): a function of counters, so
// that the same kernel on dy gives dx. x and y (N, everything else); an invocation does one V of y.
// Dispatch (ceil(sample/WORKGROUP), N).

alias V = vec4f;     // vec4f; f32 where a sample's elements are not a multiple of four
const WORKGROUP = 64u;
const STREAM = 3u;   // src/tensor/random.ts

struct Params { sample: u32, probability: f32 } // elements of a sample, in V

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> key: array<u32>; // seed, draw
@group(0) @binding(2) var<storage, read_write> y: array<V>;
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
fn stochastic_depth(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.sample) { return; }
  let n = id.y;
  let i = n * p.sample + id.x;
  let bits = pcg4d(vec4u(n / 4u, key[1], STREAM, key[0]));
  let uniform_number = f32(bits[n % 4u] >> 8u) / 16777216.0;
  y[i] = select(V(), x[i] / (1.0 - p.probability), uniform_number >= p.probability);
}
