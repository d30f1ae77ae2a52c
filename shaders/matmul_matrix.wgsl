// Matrix products on subgroup matrices (tensor cores), for --precision amp: the same three as matmul.wgsl.
//
//   matmul_nn  c(M,N) = a(M,K) · b(K,N)      K and N multiples of four
//   matmul_nt  c(M,N) = a(M,K) · b(N,K)ᵀ     K a multiple of four; + bias, activation
//   matmul_tn  c(M,N) = a(K,M)ᵀ · b(K,N)     M and N multiples of four
//
// All row-major f32. Operands are rounded to f16 on their way into workgroup memory, where both lie (row, column); products are
// exact in f32 and summed in f32. A value beyond ±65504 becomes infinite: the scale of the loss answers for gradients
// (grad_scaler.wgsl). A workgroup computes TILE_M x TILE_N of c over slices DEPTH deep; edges are filled with zeros.
// Dispatch (ceil(N/TILE_N), R/z, z), R = ceil(M/TILE_M) folded into two dimensions; for tn (ceil(N/TILE_N), ceil(M/TILE_M),
// ceil(K/depth)): the sum over k is cut into splits, which reduce.wgsl adds in a fixed order.
// A subgroup's matrices lie where its number says, which the compiler cannot see to be the same for all its lanes.
diagnostic(off, chromium.subgroup_matrix_uniformity);
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

alias Y = vec4f;      // what an activation takes
const BIAS = false;   // nt: add bias[column]

struct Params {
  m: u32, n: u32, k: u32,
  depth: u32, // tn: rows of a and b a split
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
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

const NN = 0u;
const NT = 1u;
const TN = 2u;

fn a_is_along_k(kind: u32) -> bool { return kind != TN; }
fn b_is_along_k(kind: u32) -> bool { return kind == NT; }

fn a_at(kind: u32, row: u32, k: u32, end: u32) -> vec4f {
  if (row >= p.m || k >= end) { return vec4f(); }
  if (kind == TN) { return a[(k * p.m + row) / 4u]; }
  return a[(row * p.k + k) / 4u];
}

fn b_at(kind: u32, k: u32, column: u32, end: u32) -> vec4f {
  if (column >= p.n || k >= end) { return vec4f(); }
  if (kind == NT) { return b[(column * p.k + k) / 4u]; }
  return b[(k * p.n + column) / 4u];
}

fn finish(kind: u32, row: u32, column: u32, value: f32, part: u32) {
  if (row >= p.m || column >= p.n) { return; }
  var v = value;
  if (BIAS) { v += bias[column]; }
  c[(part * p.m + row) * p.n + column] = activate(vec4f(v)).x;
}

// --- tiles of subgroup matrices: the same text in every shader that multiplies with them (a test compares) ---
// Sizes that the adapter offers for f16 operands and an f32 result, and how a workgroup is made of them.
const SG = 32u;      // lanes of a subgroup
const M_SIZE = 16u;  // rows of a left and of a result matrix
const N_SIZE = 16u;  // columns of a right and of a result matrix
const K_SIZE = 16u;  // columns of a left, rows of a right matrix
const ROWS = 4u;     // matrices of the result a subgroup, down and across
const COLUMNS = 2u;
const DOWN = 2u;     // subgroups of a workgroup, down and across
const ACROSS = 2u;
const DEPTH = 32u;   // staged slice of k

const SUBGROUPS = DOWN * ACROSS;
const THREADS = SG * SUBGROUPS;
const TILE_M = M_SIZE * ROWS * DOWN; // block of the result a workgroup
const TILE_N = N_SIZE * COLUMNS * ACROSS;

var<workgroup> a_tile: array<f16, TILE_M * DEPTH>;                 // (TILE_M,DEPTH)
var<workgroup> b_tile: array<f16, DEPTH * TILE_N>;                 // (DEPTH,TILE_N)
var<workgroup> c_tile: array<f32, SUBGROUPS * M_SIZE * N_SIZE>;    // (subgroup,M_SIZE,N_SIZE)

// --- the language of subgroup matrices begins: tests put scalar code in its place, for adapters that have none ---
alias Left = subgroup_matrix_left<f16, K_SIZE, M_SIZE>;
alias Right = subgroup_matrix_right<f16, N_SIZE, K_SIZE>;
alias Result = subgroup_matrix_result<f32, N_SIZE, M_SIZE>;

fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&a_tile, at, DEPTH); }
fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&b_tile, at, TILE_N); }
fn multiply_add(a: Left, b: Right, c: Result, lane: u32) -> Result { return subgroupMatrixMultiplyAccumulate(a, b, c); }
fn store_result(at: u32, c: Result, lane: u32) { subgroupMatrixStore<row_major>(&c_tile, at, c, N_SIZE); }
// --- the language of subgroup matrices ends ---

// Four neighbours of an operand into its tile, rounded to f16: along k in a row of a, or down the rows of a.
fn stage_a_along(row: u32, k: u32, v: vec4f) {
  for (var i = 0u; i < 4u; i++) { a_tile[row * DEPTH + k + i] = f16(v[i]); }
}
fn stage_a_down(row: u32, k: u32, v: vec4f) {
  for (var i = 0u; i < 4u; i++) { a_tile[(row + i) * DEPTH + k] = f16(v[i]); }
}
// Along the columns of b, or along k down a column of b.
fn stage_b_along(k: u32, column: u32, v: vec4f) {
  for (var i = 0u; i < 4u; i++) { b_tile[k * TILE_N + column + i] = f16(v[i]); }
}
fn stage_b_down(k: u32, column: u32, v: vec4f) {
  for (var i = 0u; i < 4u; i++) { b_tile[(k + i) * TILE_N + column] = f16(v[i]); }
}

// The workgroup's block of a·b at (row, column), summed over k from `begin` to `end`, handed to `finish` value by value.
// `kind` names the product to the functions of the file that know its operands:
//   a_at(kind, row, k), b_at(kind, k, column)  four neighbours, zeros beyond the operand's edge
//   a_is_along_k(kind), b_is_along_k(kind)     whether they are neighbours along k
//   finish(kind, row, column, value, part)
fn product(kind: u32, row: u32, column: u32, begin: u32, end: u32, part: u32, thread: u32) {
  let lane = thread % SG;
  let subgroup = thread / SG;
  let first_row = subgroup / ACROSS * ROWS * M_SIZE;
  let first_column = subgroup % ACROSS * COLUMNS * N_SIZE;
  var acc: array<array<Result, COLUMNS>, ROWS>;
  for (var k = begin; k < end; k += DEPTH) {
    for (var e = thread; e < TILE_M * DEPTH / 4u; e += THREADS) {
      if (a_is_along_k(kind)) {
        let i = e / (DEPTH / 4u);
        let d = e % (DEPTH / 4u) * 4u;
        stage_a_along(i, d, a_at(kind, row + i, k + d, end));
      } else {
        let i = e % (TILE_M / 4u) * 4u;
        let d = e / (TILE_M / 4u);
        stage_a_down(i, d, a_at(kind, row + i, k + d, end));
      }
    }
    for (var e = thread; e < TILE_N * DEPTH / 4u; e += THREADS) {
      if (b_is_along_k(kind)) {
        let j = e / (DEPTH / 4u);
        let d = e % (DEPTH / 4u) * 4u;
        stage_b_down(d, j, b_at(kind, k + d, column + j, end));
      } else {
        let j = e % (TILE_N / 4u) * 4u;
        let d = e / (TILE_N / 4u);
        stage_b_along(d, j, b_at(kind, k + d, column + j, end));
      }
    }
    // Without it a subgroup would multiply slices that others have not staged yet.
    workgroupBarrier();
    for (var d = 0u; d < DEPTH; d += K_SIZE) {
      var right: array<Right, COLUMNS>;
      for (var j = 0u; j < COLUMNS; j++) { right[j] = load_right(d * TILE_N + first_column + j * N_SIZE); }
      for (var i = 0u; i < ROWS; i++) {
        let left = load_left((first_row + i * M_SIZE) * DEPTH + d);
        for (var j = 0u; j < COLUMNS; j++) { acc[i][j] = multiply_add(left, right[j], acc[i][j], lane); }
      }
    }
    // Without it a fast subgroup would overwrite the slices that a slow one still multiplies.
    workgroupBarrier();
  }
  // A matrix has no indices: it goes through memory, one at a time.
  for (var i = 0u; i < ROWS; i++) {
    for (var j = 0u; j < COLUMNS; j++) {
      store_result(subgroup * M_SIZE * N_SIZE, acc[i][j], lane);
      workgroupBarrier();
      for (var e = lane; e < M_SIZE * N_SIZE; e += SG) {
        let r = row + first_row + i * M_SIZE + e / N_SIZE;
        let s = column + first_column + j * N_SIZE + e % N_SIZE;
        finish(kind, r, s, c_tile[subgroup * M_SIZE * N_SIZE + e], part);
      }
      workgroupBarrier();
    }
  }
}
// --- end of tiles of subgroup matrices ---

@compute @workgroup_size(THREADS)
fn matmul_nn(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (group.z * grid.y + group.y) * TILE_M;
  if (row < p.m) { product(NN, row, group.x * TILE_N, 0u, p.k, 0u, id.x); }
}

@compute @workgroup_size(THREADS)
fn matmul_nt(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (group.z * grid.y + group.y) * TILE_M;
  if (row < p.m) { product(NT, row, group.x * TILE_N, 0u, p.k, 0u, id.x); }
}

@compute @workgroup_size(THREADS)
fn matmul_tn(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let begin = group.z * p.depth;
  product(TN, group.y * TILE_M, group.x * TILE_N, begin, min(begin + p.depth, p.k), group.z, id.x);
}
