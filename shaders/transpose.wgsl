// Swaps the two inner dimensions: y (N,C,R) from x (N,R,C). What flattening needs, since PyTorch's order has channels
// outside the pixels and memory has them inside; its own gradient with R and C exchanged.
// An invocation does one element of y. Dispatch (ceil(N·R·C/WORKGROUP/y), y).

const WORKGROUP = 64u;

struct Params { n: u32, rows: u32, columns: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn transpose(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.rows * p.columns) { return; }
  let r = i % p.rows;
  let rest = i / p.rows;
  y[i] = x[((rest / p.columns) * p.rows + r) * p.columns + rest % p.columns];
}
