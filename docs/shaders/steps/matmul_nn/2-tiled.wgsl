// Step 2 of docs/shaders/matmul.md: a workgroup stages slices of both operands in workgroup memory, and an invocation
// computes PER x PER values from them.
// a (M,K), b (K,N), c (M,N), row-major.

const THREADS = 8u; // invocations a side
const PER = 4u;     // values of c an invocation, a side
const DEPTH = 16u;  // staged slice of k
const TILE = THREADS * PER;

struct Params { m: u32, n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> a_tile: array<f32, DEPTH * TILE>;
var<workgroup> b_tile: array<f32, DEPTH * TILE>;

//! dispatch (ceil(n / TILE), ceil(m / TILE))
@compute @workgroup_size(THREADS, THREADS)
fn matmul(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = group.y * TILE;
  let column = group.x * TILE;
  let thread = id.y * THREADS + id.x;
  var acc: array<f32, PER * PER>;
  for (var k = 0u; k < p.k; k += DEPTH) {
    for (var e = thread; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = k + e / TILE;
      let i = e % TILE;
      a_tile[e] = select(0.0, a[min(row + i, p.m - 1u) * p.k + min(d, p.k - 1u)], d < p.k);
      b_tile[e] = select(0.0, b[min(d, p.k - 1u) * p.n + min(column + i, p.n - 1u)], d < p.k);
    }
    workgroupBarrier(); // all of the slice is staged before anybody reads it
    for (var d = 0u; d < DEPTH; d++) {
      for (var i = 0u; i < PER; i++) {
        let v = a_tile[d * TILE + id.y * PER + i];
        for (var j = 0u; j < PER; j++) { acc[i * PER + j] = fma(v, b_tile[d * TILE + id.x * PER + j], acc[i * PER + j]); }
      }
    }
    workgroupBarrier(); // all have read it before anybody stages the next
  }
  for (var i = 0u; i < PER; i++) {
    for (var j = 0u; j < PER; j++) {
      let r = row + id.y * PER + i;
      let s = column + id.x * PER + j;
      if (r < p.m && s < p.n) { c[r * p.n + s] = acc[i * PER + j]; }
    }
  }
}
