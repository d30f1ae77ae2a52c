// Operations on two tensors, elementwise: add, sub, mul, div; with NumPy's broadcasting in the general form.
//
// binary_same       c = op(a, b), equal shapes. An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).
// binary_broadcast  c = op(a, b) for up to four dimensions in memory order; a stride of 0 repeats. An invocation does one
//                   element. Dispatch likewise.
// accumulate        c += a. An invocation does a vec4.
// scale             c = a · factor. An invocation does a vec4.

const WORKGROUP = 64u;
const OP = 0u;            // 0 add, 1 sub, 2 mul, 3 div

struct Params {
  count: u32, // vec4s; for binary_broadcast elements
  d1: u32, d2: u32, d3: u32, // sizes of c's inner dimensions, in memory order
  a0: u32, a1: u32, a2: u32, a3: u32, // strides
  b0: u32, b1: u32, b2: u32, b3: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(0) var<storage, read> a_scalar: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(1) var<storage, read> b_scalar: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c_scalar: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn binary_same(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  switch OP {
    case 0u: { c[i] = a[i] + b[i]; }
    case 1u: { c[i] = a[i] - b[i]; }
    case 2u: { c[i] = a[i] * b[i]; }
    default: { c[i] = a[i] / b[i]; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn binary_broadcast(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let i3 = i % p.d3;
  let i2 = (i / p.d3) % p.d2;
  let i1 = (i / (p.d3 * p.d2)) % p.d1;
  let i0 = i / (p.d3 * p.d2 * p.d1);
  let u = a_scalar[i0 * p.a0 + i1 * p.a1 + i2 * p.a2 + i3 * p.a3];
  let v = b_scalar[i0 * p.b0 + i1 * p.b1 + i2 * p.b2 + i3 * p.b3];
  switch OP {
    case 0u: { c_scalar[i] = u + v; }
    case 1u: { c_scalar[i] = u - v; }
    case 2u: { c_scalar[i] = u * v; }
    default: { c_scalar[i] = u / v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn accumulate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { c[i] += a[i]; }
}

@compute @workgroup_size(WORKGROUP)
fn scale(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { c[i] = a[i] * p.factor; }
}
