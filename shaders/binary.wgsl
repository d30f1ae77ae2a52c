// Operations on two tensors, elementwise: add, sub, mul, div; with NumPy's broadcasting in the general form.
//
// binary_same       c = op(a, b), equal shapes. An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).
// binary_broadcast  c = op(a, b) for RANK dimensions in memory order; a stride of 0 repeats. An invocation does one V of
//                   the innermost dimension; an operand that is repeated along it is read as one value. Dispatch likewise.
// accumulate        c += a. An invocation does a vec4.
// scale             c = a · factor. An invocation does a vec4.

alias V = vec4f;          // binary_broadcast: vec4f; f32 where the innermost dimension is not a multiple of four
const WORKGROUP = 64u;
const OP = 0u;            // 0 add, 1 sub, 2 mul, 3 div
const RANK = 4u;          // binary_broadcast: 2 to 4
const A_ONE = false;      // binary_broadcast: a is repeated along the innermost dimension; b likewise
const B_ONE = false;

struct Params {
  count: u32, // vec4s; for binary_broadcast V
  d1: u32, d2: u32, d3: u32, // sizes of c's inner dimensions, in memory order, the last one in V
  a0: u32, a1: u32, a2: u32, a3: u32, // strides, in V, or in elements where the operand is read as one value
  b0: u32, b1: u32, b2: u32, b3: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(0) var<storage, read> a_any: array<V>;
@group(0) @binding(1) var<storage, read> b_any: array<V>;
@group(0) @binding(2) var<storage, read_write> c_any: array<V>;
@group(0) @binding(3) var<storage, read> a_one: array<f32>; // the same memory as a_any
@group(0) @binding(4) var<storage, read> b_one: array<f32>; // the same memory as b_any
@group(0) @binding(5) var<uniform> p: Params;

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
  var outer = i / p.d3;
  var at_a = i3 * p.a3;
  var at_b = i3 * p.b3;
  if (RANK > 2u) {
    at_a += (outer % p.d2) * p.a2;
    at_b += (outer % p.d2) * p.b2;
    outer /= p.d2;
  }
  if (RANK > 3u) {
    at_a += (outer % p.d1) * p.a1;
    at_b += (outer % p.d1) * p.b1;
    outer /= p.d1;
  }
  at_a += outer * p.a0;
  at_b += outer * p.b0;
  var u: V;
  var v: V;
  if (A_ONE) { u = V(a_one[at_a]); } else { u = a_any[at_a]; }
  if (B_ONE) { v = V(b_one[at_b]); } else { v = b_any[at_b]; }
  switch OP {
    case 0u: { c_any[i] = u + v; }
    case 1u: { c_any[i] = u - v; }
    case 2u: { c_any[i] = u * v; }
    default: { c_any[i] = u / v; }
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
