// Max pooling, PyTorch's: padding counts as -infinity, the first of equal maxima wins, NaN is a maximum.
//
// x (N,H,W,C), y, index and dy (N,OH,OW,C), channels innermost. `index` holds iy·W + ix of the maximum, so that the
// gradient, gathered for each input element, goes to exactly one of several equal values.
// An invocation does one V of channels for BLOCK pixels of a line of the result: the divisions that find its place cost more
// than a pixel. Dispatch (ceil(N·lines·ceil(line/BLOCK)·C/WORKGROUP/y), y).

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
alias I = vec4u;     // vec4u; u32 likewise
const WORKGROUP = 64u;
const BLOCK = 8u;
const KH = 2u;       // kernel and stride are constants: dividing by them is a shift or a product then
const KW = 2u;
const STRIDE_H = 2u;
const STRIDE_W = 2u;
const DOWN = (KH + STRIDE_H - 1u) / STRIDE_H; // windows that hold an input
const ACROSS = (KW + STRIDE_W - 1u) / STRIDE_W;

struct Params {
  n: u32, h: u32, w: u32, c: u32, // c in V
  oh: u32, ow: u32, pad_h: u32, pad_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<storage, read_write> index: array<I>;
@group(0) @binding(0) var<storage, read> dy: array<V>;
@group(0) @binding(1) var<storage, read> chosen: array<I>;
@group(0) @binding(2) var<storage, read_write> dx: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

struct Place { valid: bool, image: u32, line: u32, first: u32, last: u32, channel: u32 }

// What an invocation does of a result of `lines` by `width` pixels: pixels first to last (not included) of a line.
fn place(job: u32, lines: u32, width: u32) -> Place {
  let blocks = (width + BLOCK - 1u) / BLOCK;
  let piece = job / p.c;
  let row = piece / blocks;
  let image = row / lines;
  let first = (piece - row * blocks) * BLOCK;
  return Place(image < p.n, image, row - image * lines, first, min(first + BLOCK, width), job - piece * p.c);
}

@compute @workgroup_size(WORKGROUP)
fn max_pool2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at_y = place(id.y * groups.x * WORKGROUP + id.x, p.oh, p.ow);
  if (!at_y.valid) { return; }
  let top = i32(at_y.line * STRIDE_H) - i32(p.pad_h);
  for (var ox = at_y.first; ox < at_y.last; ox++) {
    let left = i32(ox * STRIDE_W) - i32(p.pad_w);
    // What of the window lies outside reads the nearest inside again, which never beats itself. There is one: padding is at
    // most half the kernel.
    let from_y = u32(max(top, 0));
    let from_x = u32(max(left, 0));
    var best = x[((at_y.image * p.h + from_y) * p.w + from_x) * p.c + at_y.channel];
    var at = I(from_y * p.w + from_x);
    for (var ky = 0; ky < i32(KH); ky++) {
      let iy = u32(clamp(top + ky, 0, i32(p.h) - 1));
      for (var kx = 0; kx < i32(KW); kx++) {
        let ix = u32(clamp(left + kx, 0, i32(p.w) - 1));
        let v = x[((at_y.image * p.h + iy) * p.w + ix) * p.c + at_y.channel];
        // NaN by its bits: v != v is folded to false by compilers that assume there is none.
        let take = (v > best) | ((bitcast<I>(v) & I(0x7fffffffu)) > I(0x7f800000u));
        best = select(best, v, take);
        at = select(at, I(iy * p.w + ix), take);
      }
    }
    let i = ((at_y.image * p.oh + at_y.line) * p.ow + ox) * p.c + at_y.channel;
    y[i] = best;
    index[i] = at;
  }
}

@compute @workgroup_size(WORKGROUP)
fn max_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at_x = place(id.y * groups.x * WORKGROUP + id.x, p.h, p.w);
  if (!at_x.valid) { return; }
  let iy = at_x.line;
  // Window oy holds iy where 0 <= iy + pad − oy·stride < kernel: at most DOWN, the last of them at (iy + pad)/stride. An oy
  // below zero wraps round to a large one.
  let y_last = (iy + p.pad_h) / STRIDE_H;
  for (var ix = at_x.first; ix < at_x.last; ix++) {
    let me = I(iy * p.w + ix);
    let x_last = (ix + p.pad_w) / STRIDE_W;
    var sum = V();
    for (var j = 0u; j < DOWN; j++) {
      let oy = y_last - j;
      if (oy >= p.oh || iy + p.pad_h - oy * STRIDE_H >= KH) { continue; }
      for (var k = 0u; k < ACROSS; k++) {
        let ox = x_last - k;
        if (ox >= p.ow || ix + p.pad_w - ox * STRIDE_W >= KW) { continue; }
        let q = ((at_x.image * p.oh + oy) * p.ow + ox) * p.c + at_x.channel;
        sum += select(V(), dy[q], chosen[q] == me);
      }
    }
    dx[((at_x.image * p.h + iy) * p.w + ix) * p.c + at_x.channel] = sum;
  }
}
