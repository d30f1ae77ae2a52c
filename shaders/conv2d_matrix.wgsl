// Two-dimensional convolution and its gradients on subgroup matrices (tensor cores), for --precision amp: the three products
// of conv2d.wgsl (which states them), as implicit GEMM over f16 tiles. One group; C and O are multiples of four.
//
// Operands are rounded to f16 on their way into workgroup memory, as in matmul_matrix.wgsl. Rows x columns x depth:
//   forward          N·OH·OW x O x KH·KW·C           dispatch (R/y, y, ceil(O/TILE_N)), R = ceil(N·OH·OW/TILE_M)
//   backward_input   N·H·W x C x KH·KW·O             dispatch (R/y, y, ceil(C/TILE_N)), R = ceil(N·H·W/TILE_M)
//   backward_weight  O x KH·KW·C x `rows`·OW pixels  dispatch (ceil(KH·KW·C/TILE_N), ceil(O/TILE_M), ceil(N·OH/rows))
// The last cuts its sum into splits, which reduce.wgsl adds in a fixed order.
// A subgroup's matrices lie where its number says, which the compiler cannot see to be the same for all its lanes.
diagnostic(off, chromium.subgroup_matrix_uniformity);
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

alias Y = vec4f;      // what an activation takes
const BIAS = false;   // forward: add bias[o]

struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, o: u32,
  kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  rows: u32, // backward_weight: rows of output pixels (n, oy) a split
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;            // (N,H,W,C/4)
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;       // (O,KH,KW,C/4)
@group(0) @binding(2) var<storage, read> bias: array<f32>;           // (O)
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;           // (N,OH,OW,O/4)
@group(0) @binding(4) var<storage, read_write> result: array<f32>;   // y (N,OH,OW,O), dx (N,H,W,C) or dw (splits,O,KH,KW,C)
@group(0) @binding(5) var<uniform> p: Params;

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

const FORWARD = 0u;
const INPUT = 1u;
const WEIGHT = 2u;

fn a_is_along_k(kind: u32) -> bool { return kind != WEIGHT; }
fn b_is_along_k(kind: u32) -> bool { return kind == FORWARD; }

// x under a tap of output pixel `pixel`, four channels from the one that `tap_channel` = tap·C + channel names; zero in the
// padding.
fn x_at(pixel: u32, tap_channel: u32) -> vec4f {
  let tap = tap_channel / p.c;
  let line = pixel / p.ow;
  let iy = i32((line % p.oh) * p.stride_h + (tap / p.kw) * p.dilation_h) - i32(p.pad_h);
  let ix = i32((pixel % p.ow) * p.stride_w + (tap % p.kw) * p.dilation_w) - i32(p.pad_w);
  if (iy < 0 || iy >= i32(p.h) || ix < 0 || ix >= i32(p.w)) { return vec4f(); }
  return x[((((line / p.oh) * p.h + u32(iy)) * p.w + u32(ix)) * p.c + tap_channel % p.c) / 4u];
}

// dy of the output pixel that sees input pixel `pixel` under a tap, four outputs from the one that `tap_output` = tap·O + output
// names; zero where there is none.
fn dy_at(pixel: u32, tap_output: u32) -> vec4f {
  let tap = tap_output / p.o;
  let line = pixel / p.w;
  let sy = i32(line % p.h + p.pad_h) - i32((tap / p.kw) * p.dilation_h);
  let sx = i32(pixel % p.w + p.pad_w) - i32((tap % p.kw) * p.dilation_w);
  if (sy < 0 || sx < 0) { return vec4f(); }
  let oy = u32(sy) / p.stride_h;
  let ox = u32(sx) / p.stride_w;
  if (oy * p.stride_h != u32(sy) || ox * p.stride_w != u32(sx) || oy >= p.oh || ox >= p.ow) { return vec4f(); }
  return dy[((((line / p.h) * p.oh + oy) * p.ow + ox) * p.o + tap_output % p.o) / 4u];
}

fn rows_of(kind: u32) -> u32 {
  switch kind {
    case FORWARD: { return p.n * p.oh * p.ow; }
    case INPUT: { return p.n * p.h * p.w; }
    default: { return p.o; }
  }
}

fn columns_of(kind: u32) -> u32 {
  switch kind {
    case FORWARD: { return p.o; }
    case INPUT: { return p.c; }
    default: { return p.kh * p.kw * p.c; }
  }
}

fn a_at(kind: u32, row: u32, k: u32, end: u32) -> vec4f {
  if (row >= rows_of(kind) || k >= end) { return vec4f(); }
  switch kind {
    case FORWARD: { return x_at(row, k); }
    case INPUT: { return dy_at(row, k); }
    default: { return dy[(k * p.o + row) / 4u]; }
  }
}

fn b_at(kind: u32, k: u32, column: u32, end: u32) -> vec4f {
  if (column >= columns_of(kind) || k >= end) { return vec4f(); }
  let taps = p.kh * p.kw;
  switch kind {
    case FORWARD: { return weight[(column * taps * p.c + k) / 4u]; }
    case INPUT: { return weight[((k % p.o * taps + k / p.o) * p.c + column) / 4u]; }
    default: { return x_at(k, column); }
  }
}

fn finish(kind: u32, row: u32, column: u32, value: f32, part: u32) {
  let rows = rows_of(kind);
  let columns = columns_of(kind);
  if (row >= rows || column >= columns) { return; }
  var v = value;
  if (BIAS) { v += bias[column]; }
  result[(part * rows + row) * columns + column] = activate(vec4f(v)).x;
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
fn conv2d_forward(@builtin(workgroup_id) at: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (at.y * grid.x + at.x) * TILE_M;
  if (row < rows_of(FORWARD)) { product(FORWARD, row, at.z * TILE_N, 0u, p.kh * p.kw * p.c, 0u, id.x); }
}

@compute @workgroup_size(THREADS)
fn conv2d_backward_input(@builtin(workgroup_id) at: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let row = (at.y * grid.x + at.x) * TILE_M;
  if (row < rows_of(INPUT)) { product(INPUT, row, at.z * TILE_N, 0u, p.kh * p.kw * p.o, 0u, id.x); }
}

@compute @workgroup_size(THREADS)
fn conv2d_backward_weight(@builtin(workgroup_id) at: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let begin = at.z * p.rows * p.ow;
  let end = min((at.z + 1u) * p.rows, p.n * p.oh) * p.ow;
  product(WEIGHT, at.y * TILE_M, at.x * TILE_N, begin, end, at.z, id.x);
}
