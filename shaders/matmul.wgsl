// Matrix products with subgroup shuffles, and their gradients: a product's gradients are products too.
//
//   matmul_nn  c(M,N) = a(M,K) · b(K,N)      forward of matmul; dx of linear
//   matmul_nt  c(M,N) = a(M,K) · b(N,K)ᵀ     forward of linear (+ bias, activation); da of matmul
//   matmul_tn  c(M,N) = a(K,M)ᵀ · b(K,N)     dw of linear; db of matmul
//
// All row-major. Rows that are read as vec4 have lengths that are multiples of four: K and N for nn, K for nt, M and N
// for tn; other sizes go to matmul_portable.wgsl. A subgroup of SG lanes does a tile of its own, a workgroup SUBGROUPS
// of them. What every lane needs of one operand is loaded once, one vec4 a lane, and goes round by subgroupShuffle (1.3 ns on
// lavapipe; a load is 15).
enable subgroups;

alias Y = vec4f;      // what an activation takes
const SG = 8u;        // lanes of a subgroup, a power of two of at least 4
const SUBGROUPS = 1u; // subgroups a workgroup
const LANE_ROWS = 4u; // nn, nt: rows of c a lane
const COLUMNS = 16u;  // nn, nt: columns of c a subgroup
const ROWS = 16u;     // tn: rows of c a subgroup
const BIAS = false;   // nt: add bias[column]

struct Params {
  m: u32, n: u32, k: u32,
  depth: u32, // tn: rows of a and b a split
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;         // tn: (splits,M,N)
@group(0) @binding(2) var<storage, read_write> c_scalar: array<f32>; // nt: N need not be a multiple of four
@group(0) @binding(3) var<storage, read> bias: array<f32>;           // (N)
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

// Zero, or NaN where subgroups have fewer lanes than the kernel was made for (conv2d.wgsl): added to results.
fn lanes_fault(size: u32) -> f32 {
  return bitcast<f32>(select(0x7fc00000u, 0u, select(size == SG, size >= SG, SUBGROUPS == 1u)));
}

// A subgroup: LANE_ROWS·SG x COLUMNS of c; a lane owns LANE_ROWS rows, and for four k at a time b (4,COLUMNS) goes round.
// Dispatch (R/z, ceil(N/COLUMNS), z), R = ceil(M/(LANE_ROWS·SG·SUBGROUPS)).
const COLUMNS4 = COLUMNS / 4u;
const QUADS = max(1u, SG / COLUMNS); // quads of k in flight
const LOADS = QUADS * COLUMNS / SG;
@compute @workgroup_size(SG * SUBGROUPS)
fn matmul_nn(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) id: vec3u, @builtin(subgroup_size) size: u32) {
  let lane = id.x % SG;
  let k4 = p.k / 4u;
  let n4 = p.n / 4u;
  let begin = (group.z * grid.x + group.x) * SUBGROUPS * LANE_ROWS * SG;
  if (begin >= p.m) { return; }
  let row = begin + id.x / SG * LANE_ROWS * SG + lane;
  let column = group.y * COLUMNS4;
  // Past the edge a lane works on the last row or column again and stores nothing, so that the shuffles stay uniform.
  var a_address: array<u32, LANE_ROWS>;
  for (var g = 0u; g < LANE_ROWS; g++) { a_address[g] = min(row + g * SG, p.m - 1u) * k4; }
  let b_column = min(column + lane % COLUMNS4, n4 - 1u);
  var acc: array<array<vec4f, COLUMNS4>, LANE_ROWS>;
  for (var q = 0u; q < k4; q += QUADS) {
    var bv: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) {
      let k = q * 4u + (l * SG + lane) / COLUMNS4;
      bv[l] = b[min(k, p.k - 1u) * n4 + b_column];
      if (QUADS > 1u) { bv[l] = select(vec4f(), bv[l], k < p.k); }
    }
    for (var j = 0u; j < QUADS; j++) {
      var av: array<vec4f, LANE_ROWS>;
      for (var g = 0u; g < LANE_ROWS; g++) { av[g] = a[a_address[g] + min(q + j, k4 - 1u)]; }
      for (var i = 0u; i < 4u; i++) {
        for (var s = 0u; s < COLUMNS4; s++) {
          let flat = j * COLUMNS + i * COLUMNS4 + s;
          let v = bv[flat / SG];
          let turn = vec4f(
            subgroupShuffle(v.x, flat % SG), subgroupShuffle(v.y, flat % SG),
            subgroupShuffle(v.z, flat % SG), subgroupShuffle(v.w, flat % SG));
          for (var g = 0u; g < LANE_ROWS; g++) { acc[g][s] = fma(vec4f(av[g][i]), turn, acc[g][s]); }
        }
      }
    }
  }
  for (var g = 0u; g < LANE_ROWS; g++) {
    if (row + g * SG < p.m) {
      for (var s = 0u; s < COLUMNS4; s++) {
        if (column + s < n4) { c[(row + g * SG) * n4 + column + s] = acc[g][s] + lanes_fault(size); }
      }
    }
  }
}

// A subgroup: LANE_ROWS·SG x COLUMNS of c; a lane owns LANE_ROWS rows.
// Dispatch (R/z, ceil(N/COLUMNS), z), R = ceil(M/(LANE_ROWS·SG·SUBGROUPS)).
const BLOCK = 16u * QUADS; // quads of k a block
@compute @workgroup_size(SG * SUBGROUPS)
fn matmul_nt(
  @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) id: vec3u, @builtin(subgroup_size) size: u32) {
  let lane = id.x % SG;
  let k4 = p.k / 4u;
  let begin = (group.z * grid.x + group.x) * SUBGROUPS * LANE_ROWS * SG;
  if (begin >= p.m) { return; }
  let row = begin + id.x / SG * LANE_ROWS * SG + lane;
  let column = group.y * COLUMNS;
  var acc: array<array<f32, COLUMNS>, LANE_ROWS>;
  var a_address: array<u32, LANE_ROWS>;
  for (var g = 0u; g < LANE_ROWS; g++) { a_address[g] = min(row + g * SG, p.m - 1u) * k4; }
  var b_address: array<u32, LOADS>;
  for (var l = 0u; l < LOADS; l++) {
    let flat = l * SG + lane;
    b_address[l] = min(column + flat % COLUMNS, p.n - 1u) * k4 + flat / COLUMNS;
  }
  for (var begin = 0u; begin < k4; begin += BLOCK) {
    // Sums of four, of a block's quads, of the blocks: conv2d.wgsl says why.
    var part = array<array<f32, COLUMNS>, LANE_ROWS>();
    for (var q = begin; q < min(begin + BLOCK, k4); q += QUADS) {
      var bv: array<vec4f, LOADS>;
      for (var l = 0u; l < LOADS; l++) {
        bv[l] = b[b_address[l] + q];
        if (QUADS > 1u) { bv[l] = select(vec4f(), bv[l], q + (l * SG + lane) / COLUMNS < k4); }
      }
      var av: array<array<vec4f, LANE_ROWS>, QUADS>;
      for (var j = 0u; j < QUADS; j++) {
        for (var g = 0u; g < LANE_ROWS; g++) { av[j][g] = a[a_address[g] + min(q + j, k4 - 1u)]; }
      }
      // Loads outside, lanes inside: a single loop over COLUMNS is left rolled by lavapipe's compiler, and four times slower.
      for (var l = 0u; l < LOADS; l++) {
        for (var i = 0u; i < SG; i++) {
          let o = (l * SG + i) % COLUMNS;
          let j = (l * SG + i) / COLUMNS;
          let w0 = subgroupShuffle(bv[l].x, i);
          let w1 = subgroupShuffle(bv[l].y, i);
          let w2 = subgroupShuffle(bv[l].z, i);
          let w3 = subgroupShuffle(bv[l].w, i);
          for (var g = 0u; g < LANE_ROWS; g++) {
            let v = av[j][g];
            part[g][o] += fma(w3, v.w, fma(w2, v.z, fma(w1, v.y, w0 * v.x)));
          }
        }
      }
    }
    for (var g = 0u; g < LANE_ROWS; g++) {
      for (var o = 0u; o < COLUMNS; o++) { acc[g][o] += part[g][o]; }
    }
  }
  for (var o = 0u; o < COLUMNS; o++) {
    if (column + o < p.n) {
      var shift = lanes_fault(size);
      if (BIAS) { shift += bias[column + o]; }
      for (var g = 0u; g < LANE_ROWS; g++) {
        var v = acc[g][o] + shift;
        v = activate(vec4f(v)).x;
        if (row + g * SG < p.m) { c_scalar[(row + g * SG) * p.n + column + o] = v; }
      }
    }
  }
}

// A subgroup: ROWS x 4·SG of c; a lane owns four columns and loads, for the round, four values of one row of a.
// The sum over k is cut into splits of `depth` rows, which reduce.wgsl adds in a fixed order.
// Dispatch (ceil(N/4/(SG·SUBGROUPS)), ceil(M/ROWS), ceil(K/depth)).
const TN_ROWS4 = ROWS / 4u;
const TN_DEPTH = max(1u, SG / TN_ROWS4); // rows of a and b in flight
const TN_LOADS = TN_DEPTH * TN_ROWS4 / SG;
@compute @workgroup_size(SG * SUBGROUPS)
fn matmul_tn(
  @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u, @builtin(subgroup_size) size: u32) {
  let lane = id.x % SG;
  let m4 = p.m / 4u;
  let n4 = p.n / 4u;
  let row4 = group.y * TN_ROWS4;
  let column = group.x * SG * SUBGROUPS + id.x;
  let safe_column = min(column, n4 - 1u);
  var acc: array<vec4f, ROWS>;
  let end = min((group.z + 1u) * p.depth, p.k);
  for (var k = group.z * p.depth; k < end; k += TN_DEPTH) {
    var av: array<vec4f, TN_LOADS>;
    for (var l = 0u; l < TN_LOADS; l++) {
      let flat = l * SG + lane;
      let at_k = k + flat / TN_ROWS4;
      av[l] = select(vec4f(), a[min(at_k, end - 1u) * m4 + min(row4 + flat % TN_ROWS4, m4 - 1u)], at_k < end);
    }
    for (var d = 0u; d < TN_DEPTH; d++) {
      let bv = b[min(k + d, end - 1u) * n4 + safe_column];
      for (var r = 0u; r < TN_ROWS4; r++) {
        let flat = d * TN_ROWS4 + r;
        for (var i = 0u; i < 4u; i++) {
          let x = subgroupShuffle(av[flat / SG][i], flat % SG);
          acc[r * 4u + i] = fma(vec4f(x), bv, acc[r * 4u + i]);
        }
      }
    }
  }
  if (column < n4) {
    for (var r = 0u; r < TN_ROWS4; r++) {
      if (row4 + r < m4) {
        for (var i = 0u; i < 4u; i++) { c[(group.z * p.m + (row4 + r) * 4u + i) * n4 + column] = acc[r * 4u + i] + lanes_fault(size); }
      }
    }
  }
}
