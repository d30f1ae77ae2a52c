// Two-dimensional convolution and its gradients without subgroups, for any number of channels: the three products of
// conv2d.wgsl (which states them) with both operands gathered into workgroup memory.
//
// A workgroup of 8x8 invocations computes a TILE x TILE block of the result, PER x PER values each; slices DEPTH deep are
// staged. Rows x columns x depth of the product of one group (C and O are a group's):
//   forward          N·OH·OW x O x KH·KW·C           dispatch (R/y, y, ceil(O/TILE)·groups), R = ceil(N·OH·OW/TILE)
//   backward_input   N·H·W x C x KH·KW·O             dispatch (R/y, y, ceil(C/TILE)·groups), R = ceil(N·H·W/TILE)
//   backward_weight  O x KH·KW·C x `rows`·OW pixels  dispatch (ceil(KH·KW·C/TILE), ceil(O/TILE)·groups, ceil(N·OH/rows))

const THREADS = 8u;        // invocations a side
const PER = 4u;            // values of the result an invocation, a side
const DEPTH = 16u;         // staged slice
const TILE = THREADS * PER;
alias Y = vec4f;           // what an activation takes
const BIAS = false;        // forward: add bias[o]

struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, o: u32,  // c and o are one group's
  kh: u32, kw: u32,
  stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32, dilation_h: u32, dilation_w: u32,
  groups: u32,
  rows: u32, // backward_weight: rows of output pixels (n, oy) a split
}

@group(0) @binding(0) var<storage, read> x: array<f32>;            // (N,H,W,groups·C)
@group(0) @binding(1) var<storage, read> weight: array<f32>;       // (groups·O,KH,KW,C)
@group(0) @binding(2) var<storage, read> bias: array<f32>;         // (groups·O)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;      // (N,OH,OW,groups·O)
@group(0) @binding(4) var<storage, read> dy: array<f32>;           // (N,OH,OW,groups·O)
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;     // (N,H,W,groups·C)
@group(0) @binding(6) var<storage, read_write> parts: array<f32>;  // (splits,groups·O,KH,KW,C)
@group(0) @binding(7) var<uniform> p: Params;

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

var<workgroup> a_tile: array<f32, DEPTH * TILE>; // (DEPTH,TILE)
var<workgroup> b_tile: array<f32, DEPTH * TILE>;

/// x under tap `tap` of output pixel `pixel`, channel `i` of all; zero in the padding.
fn x_at(pixel: u32, tap: u32, i: u32) -> f32 {
  let line = pixel / p.ow;
  let iy = i32((line % p.oh) * p.stride_h + (tap / p.kw) * p.dilation_h) - i32(p.pad_h);
  let ix = i32((pixel % p.ow) * p.stride_w + (tap % p.kw) * p.dilation_w) - i32(p.pad_w);
  if (iy < 0 || iy >= i32(p.h) || ix < 0 || ix >= i32(p.w)) { return 0.0; }
  return x[(((line / p.oh) * p.h + u32(iy)) * p.w + u32(ix)) * p.c * p.groups + i];
}

/// dy of the output pixel that sees input pixel `pixel` under tap `tap`, channel `o` of all; zero where there is none.
fn dy_at(pixel: u32, tap: u32, o: u32) -> f32 {
  let line = pixel / p.w;
  let sy = i32(line % p.h + p.pad_h) - i32((tap / p.kw) * p.dilation_h);
  let sx = i32(pixel % p.w + p.pad_w) - i32((tap % p.kw) * p.dilation_w);
  if (sy < 0 || sx < 0) { return 0.0; }
  let oy = u32(sy) / p.stride_h;
  let ox = u32(sx) / p.stride_w;
  if (oy * p.stride_h != u32(sy) || ox * p.stride_w != u32(sx) || oy >= p.oh || ox >= p.ow) { return 0.0; }
  return dy[(((line / p.h) * p.oh + oy) * p.ow + ox) * p.o * p.groups + o];
}

/// acc += a_tile · b_tile for the invocation's PER x PER values.
fn multiply(acc: ptr<function, array<f32, PER * PER>>, id: vec3u) {
  // Without it an invocation would multiply slices that its neighbours have not staged yet.
  workgroupBarrier();
  var sum = array<f32, PER * PER>(); // of this slice, so that rounding grows with DEPTH and with slices, not with both
  for (var d = 0u; d < DEPTH; d++) {
    for (var i = 0u; i < PER; i++) {
      let v = a_tile[d * TILE + id.y * PER + i];
      for (var j = 0u; j < PER; j++) {
        sum[i * PER + j] = fma(v, b_tile[d * TILE + id.x * PER + j], sum[i * PER + j]);
      }
    }
  }
  for (var i = 0u; i < PER * PER; i++) { acc[i] += sum[i]; }
  // Without it a fast invocation would overwrite the slices that a slow one still multiplies.
  workgroupBarrier();
}

@compute @workgroup_size(THREADS, THREADS)
fn conv2d_forward(@builtin(workgroup_id) at: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let rows = p.n * p.oh * p.ow;
  let row = (at.y * grid.x + at.x) * TILE;
  if (row >= rows) { return; }
  let tiles = (p.o + TILE - 1u) / TILE;
  let column = (at.z % tiles) * TILE;
  let group = at.z / tiles;
  let depth = p.kh * p.kw * p.c;
  var acc: array<f32, PER * PER>;
  for (var k = 0u; k < depth; k += DEPTH) {
    for (var e = id.y * THREADS + id.x; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = k + e % DEPTH; // neighbours along depth: contiguous in x and w
      let i = e / DEPTH;
      let slot = (e % DEPTH) * TILE + i;
      a_tile[slot] = 0.0;
      b_tile[slot] = 0.0;
      if (d < depth && row + i < rows) { a_tile[slot] = x_at(row + i, d / p.c, group * p.c + d % p.c); }
      if (d < depth && column + i < p.o) { b_tile[slot] = weight[(group * p.o + column + i) * depth + d]; }
    }
    multiply(&acc, id);
  }
  for (var i = 0u; i < PER; i++) {
    let r = row + id.y * PER + i;
    for (var j = 0u; j < PER; j++) {
      let s = column + id.x * PER + j;
      if (r < rows && s < p.o) {
        var v = acc[i * PER + j];
        if (BIAS) { v += bias[group * p.o + s]; }
        y[(r * p.groups + group) * p.o + s] = activate(vec4f(v)).x;
      }
    }
  }
}

@compute @workgroup_size(THREADS, THREADS)
fn conv2d_backward_input(@builtin(workgroup_id) at: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let rows = p.n * p.h * p.w;
  let row = (at.y * grid.x + at.x) * TILE;
  if (row >= rows) { return; }
  let tiles = (p.c + TILE - 1u) / TILE;
  let column = (at.z % tiles) * TILE;
  let group = at.z / tiles;
  let taps = p.kh * p.kw;
  let depth = taps * p.o;
  var acc: array<f32, PER * PER>;
  for (var k = 0u; k < depth; k += DEPTH) {
    for (var e = id.y * THREADS + id.x; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = k + e % DEPTH;
      let i = e / DEPTH;
      let slot = (e % DEPTH) * TILE + i;
      let tap = d / p.o;
      a_tile[slot] = 0.0;
      b_tile[slot] = 0.0;
      if (d < depth && row + i < rows) { a_tile[slot] = dy_at(row + i, tap, group * p.o + d % p.o); }
      if (d < depth && column + i < p.c) { b_tile[slot] = weight[((group * p.o + d % p.o) * taps + tap) * p.c + column + i]; }
    }
    multiply(&acc, id);
  }
  for (var i = 0u; i < PER; i++) {
    let r = row + id.y * PER + i;
    for (var j = 0u; j < PER; j++) {
      let s = column + id.x * PER + j;
      if (r < rows && s < p.c) { dx[(r * p.groups + group) * p.c + s] = acc[i * PER + j]; }
    }
  }
}

@compute @workgroup_size(THREADS, THREADS)
fn conv2d_backward_weight(@builtin(workgroup_id) at: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let columns = p.kh * p.kw * p.c;
  let tiles = (p.o + TILE - 1u) / TILE;
  let row = (at.y % tiles) * TILE;
  let group = at.y / tiles;
  let column = at.x * TILE;
  let last = min((at.z + 1u) * p.rows, p.n * p.oh) * p.ow;
  var acc: array<f32, PER * PER>;
  for (var k = at.z * p.rows * p.ow; k < last; k += DEPTH) {
    for (var e = id.y * THREADS + id.x; e < DEPTH * TILE; e += THREADS * THREADS) {
      let d = k + e / TILE; // neighbours along the tile: contiguous in dy and x
      let i = e % TILE;
      a_tile[e] = 0.0;
      b_tile[e] = 0.0;
      if (d < last && row + i < p.o) { a_tile[e] = dy[(d * p.groups + group) * p.o + row + i]; }
      if (d < last && column + i < columns) { b_tile[e] = x_at(d, (column + i) / p.c, group * p.c + (column + i) % p.c); }
    }
    multiply(&acc, id);
  }
  for (var i = 0u; i < PER; i++) {
    let r = row + id.y * PER + i;
    for (var j = 0u; j < PER; j++) {
      let s = column + id.x * PER + j;
      if (r < p.o && s < columns) { parts[((at.z * p.groups + group) * p.o + r) * columns + s] = acc[i * PER + j]; }
    }
  }
}
