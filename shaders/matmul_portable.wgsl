// Matrix products without subgroups, for any size: the same three as matmul.wgsl.
//
// A workgroup of 8x8 invocations computes a TILE x TILE block of c, PER x PER values each. Slices of both operands, DEPTH
// deep, are staged in workgroup memory. Dispatch (ceil(N/TILE), R/z, z), R = ceil(M/TILE) folded into two dimensions; for tn
// (ceil(N/TILE), ceil(M/TILE), ceil(K/depth)): the sum over k is cut into splits, which reduce.wgsl adds in a fixed order.

const THREADS = 8u;        // invocations a side
const PER = 4u;            // values of c an invocation, a side
const DEPTH = 16u;         // staged slice of k
const TILE = THREADS * PER;
alias Y = vec4f;           // what an activation takes
const BIAS = false;        // nt: add bias[column]

struct Params {
  m: u32, n: u32, k: u32,
  depth: u32, // tn: rows of a and b a split
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;  // (M,N); tn: (splits,M,N)
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // (N)
@group(0) @binding(4) var<uniform> p: Params;

// --- output activations: the same text in every shader that ends in one of them (a test compares) ---
const ACTIVATION = 0u; // numbers: src/kernels/activation.ts; those whose derivative follows from their output

fn sigmoid(v: Y) -> Y {
  let e = exp(-abs(v));
  return select(e, Y(1.0), v >= Y()) / (Y(1.0) + e);
}

// As in pointwise.wgsl, which says why.
fn hyperbolic_tangent(v: Y) -> Y {
  let e = exp(Y(-2.0) * abs(v));
  let far = (Y(1.0) - e) / (Y(1.0) + e);
  let s = v * v;
  let near = v * fma(s, fma(s, fma(s, Y(-0.053968254), Y(0.13333333)), Y(-0.33333333)), Y(1.0));
  return select(select(far, -far, v < Y()), near, abs(v) < Y(0.2));
}

// NaN stays NaN: comparisons with it are false, and max or clamp would hide it.
fn activate(v: Y) -> Y {
  switch ACTIVATION {
    case 1u: { return select(v, Y(), v < Y()); }                                       // relu
    case 2u: { return select(select(v, Y(), v < Y()), Y(6.0), v > Y(6.0)); }           // relu6
    case 4u: { return sigmoid(v); }                                                    // sigmoid
    case 5u: { return hyperbolic_tangent(v); }                                         // tanh
    default: { return v; }
  }
}
// --- end of output activations ---

var<workgroup> a_tile: array<f32, DEPTH * TILE>; // (DEPTH,TILE): depth-major, so that an invocation's rows lie together
var<workgroup> b_tile: array<f32, DEPTH * TILE>;

// The block of c at (row, column) over k from `begin` to `end`, written from c[to] on.
fn product(a_row: u32, a_k: u32, b_k: u32, b_column: u32, row: u32, column: u32, begin: u32, end: u32, to: u32, id: vec3u) {
  let thread = id.y * THREADS + id.x;
  var acc: array<f32, PER * PER>;
  for (var k = begin; k < end; k += DEPTH) {
    for (var e = thread; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = e / TILE;
      let i = e % TILE;
      a_tile[e] = select(0.0, a[min(row + i, p.m - 1u) * a_row + min(k + d, end - 1u) * a_k], k + d < end);
      b_tile[e] = select(0.0, b[min(k + d, end - 1u) * b_k + min(column + i, p.n - 1u) * b_column], k + d < end);
    }
    // Without it an invocation would multiply slices that its neighbours have not staged yet.
    workgroupBarrier();
    var sum = array<f32, PER * PER>(); // of this slice, so that rounding grows with DEPTH and with slices, not with both
    for (var d = 0u; d < DEPTH; d++) {
      for (var i = 0u; i < PER; i++) {
        let x = a_tile[d * TILE + id.y * PER + i];
        for (var j = 0u; j < PER; j++) {
          sum[i * PER + j] = fma(x, b_tile[d * TILE + id.x * PER + j], sum[i * PER + j]);
        }
      }
    }
    for (var i = 0u; i < PER * PER; i++) { acc[i] += sum[i]; }
    // Without it a fast invocation would overwrite the slices that a slow one still multiplies.
    workgroupBarrier();
  }
  for (var i = 0u; i < PER; i++) {
    let r = row + id.y * PER + i;
    for (var j = 0u; j < PER; j++) {
      let s = column + id.x * PER + j;
      if (r < p.m && s < p.n) {
        var v = acc[i * PER + j];
        if (BIAS) { v += bias[s]; }
        v = activate(vec4f(v)).x;
        c[to + r * p.n + s] = v;
      }
    }
  }
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_nn(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (group.z * grid.y + group.y) * TILE;
  if (row < p.m) { product(p.k, 1u, p.n, 1u, row, group.x * TILE, 0u, p.k, 0u, id); }
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_nt(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (group.z * grid.y + group.y) * TILE;
  if (row < p.m) { product(p.k, 1u, 1u, p.k, row, group.x * TILE, 0u, p.k, 0u, id); }
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_tn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let begin = group.z * p.depth;
  let end = min(begin + p.depth, p.k);
  product(1u, p.m, p.n, 1u, group.y * TILE, group.x * TILE, begin, end, group.z * p.m * p.n, id);
}
