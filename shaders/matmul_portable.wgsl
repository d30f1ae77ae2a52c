// Matrix products without subgroups, for any size: the same three as matmul.wgsl.
//
// A workgroup of 8x8 invocations computes a TILE x TILE block of c, PER x PER values each. Slices of both operands, DEPTH
// deep, are staged in workgroup memory. Dispatch (ceil(N/TILE), ceil(M/TILE)).

const THREADS = 8u;        // invocations a side
const PER = 4u;            // values of c an invocation, a side
const DEPTH = 16u;         // staged slice of k
const TILE = THREADS * PER;
const BIAS = false;        // nt: add bias[column]
const RELU = false;        // nt: then max(·, 0)

struct Params { m: u32, n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;  // (M,N)
@group(0) @binding(3) var<storage, read> bias: array<f32>;     // (N)
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> a_tile: array<f32, DEPTH * TILE>; // (DEPTH,TILE): depth-major, so that an invocation's rows lie together
var<workgroup> b_tile: array<f32, DEPTH * TILE>;

fn product(a_row: u32, a_k: u32, b_k: u32, b_column: u32, group: vec3u, id: vec3u) {
  let thread = id.y * THREADS + id.x;
  let row = group.y * TILE;
  let column = group.x * TILE;
  var acc: array<f32, PER * PER>;
  for (var k = 0u; k < p.k; k += DEPTH) {
    for (var e = thread; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = e / TILE;
      let i = e % TILE;
      a_tile[e] = select(0.0, a[min(row + i, p.m - 1u) * a_row + min(k + d, p.k - 1u) * a_k], k + d < p.k);
      b_tile[e] = select(0.0, b[min(k + d, p.k - 1u) * b_k + min(column + i, p.n - 1u) * b_column], k + d < p.k);
    }
    // Without it an invocation would multiply slices that its neighbours have not staged yet.
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d++) {
      for (var i = 0u; i < PER; i++) {
        let x = a_tile[d * TILE + id.y * PER + i];
        for (var j = 0u; j < PER; j++) {
          acc[i * PER + j] = fma(x, b_tile[d * TILE + id.x * PER + j], acc[i * PER + j]);
        }
      }
    }
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
        if (RELU) { v = select(v, 0.0, v < 0.0); } // NaN stays NaN
        c[r * p.n + s] = v;
      }
    }
  }
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_nn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  product(p.k, 1u, p.n, 1u, group, id);
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_nt(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  product(p.k, 1u, 1u, p.k, group, id);
}

@compute @workgroup_size(THREADS, THREADS)
fn matmul_tn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  product(1u, p.m, p.n, 1u, group, id);
}
