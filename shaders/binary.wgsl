// Operations on two tensors, elementwise: add, sub, mul, div; with NumPy's broadcasting in the general form.
//
// binary_same       c = op(a, b), equal shapes. An invocation does a vec4. Dispatch (ceil(count/WORKGROUP/y), y).
// binary_broadcast  c = op(a, b) for up to four dimensions in memory order; a stride of 0 repeats. An invocation does one V
//                   of the innermost dimension in BLOCK steps along the next: the divisions that find it are dear. An
//                   operand that is repeated along the innermost dimension is read as one value. Dispatch likewise, count
//                   being d0·d1·ceil(d2/BLOCK)·d3.
// accumulate        c += a. An invocation does a vec4.
// scale             c = a · factor. An invocation does a vec4.

alias V = vec4f;          // binary_broadcast: vec4f; f32 where the innermost dimension is not a multiple of four
const WORKGROUP = 64u;
const OP = 0u;            // 0 add, 1 sub, 2 mul, 3 div
const BLOCK = 8u;         // binary_broadcast
const A_ONE = false;      // binary_broadcast: a is repeated along the innermost dimension; b likewise
const B_ONE = false;

struct Params {
  count: u32, // vec4s; for binary_broadcast invocations
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
  let job = id.y * groups.x * WORKGROUP + id.x;
  if (job >= p.count) { return; }
  let blocks = (p.d2 + BLOCK - 1u) / BLOCK;
  let line = job / p.d3;
  let i3 = job - line * p.d3;
  let outer = line / blocks;
  let first = (line - outer * blocks) * BLOCK;
  let i0 = outer / p.d1;
  let i1 = outer - i0 * p.d1;
  let at_a = i0 * p.a0 + i1 * p.a1 + i3 * p.a3;
  let at_b = i0 * p.b0 + i1 * p.b1 + i3 * p.b3;
  for (var i2 = first; i2 < min(first + BLOCK, p.d2); i2++) {
    let i = (outer * p.d2 + i2) * p.d3 + i3;
    var u: V;
    var v: V;
    if (A_ONE) { u = V(a_one[at_a + i2 * p.a2]); } else { u = a_any[at_a + i2 * p.a2]; }
    if (B_ONE) { v = V(b_one[at_b + i2 * p.b2]); } else { v = b_any[at_b + i2 * p.b2]; }
    switch OP {
      case 0u: { c_any[i] = u + v; }
      case 1u: { c_any[i] = u - v; }
      case 2u: { c_any[i] = u * v; }
      default: { c_any[i] = u / v; }
    }
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
