// Step 1 of docs/shaders/matmul.md: one invocation computes one value of c = a·b.
// a (M,K), b (K,N), c (M,N), row-major.

struct Params { m: u32, n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(n / 8), ceil(m / 8))
@compute @workgroup_size(8, 8)
fn matmul(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.n || id.y >= p.m) { return; }
  var sum = 0.0;
  for (var k = 0u; k < p.k; k++) { sum = fma(a[id.y * p.k + k], b[k * p.n + id.x], sum); }
  c[id.y * p.n + id.x] = sum;
}
