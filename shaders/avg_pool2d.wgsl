// Average pooling, PyTorch's: windows of a fixed size, or adaptive bins for any output size.
//
//   y[oy,ox] = Σ x over the window / divisor
//
// A fixed window begins at oy·stride − pad; padding counts as zeros in the sum and, with INCLUDE_PAD, in the divisor. An
// adaptive bin runs from floor(oy·H/OH) to ceil((oy+1)·H/OH), so that neighbours may overlap (at::adaptive_avg_pool2d).
// x and dx (N,H,W,C), y and dy (N,OH,OW,C), channels innermost. The gradient is gathered: an input sums dy/divisor over
// the windows that hold it. An invocation does one V of channels for BLOCK pixels of a line of the result.
// Dispatch (ceil(N·lines·ceil(line/BLOCK)·C/WORKGROUP/y), y).

alias V = vec4f;          // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;
const BLOCK = 8u;
const ADAPTIVE = false;
const INCLUDE_PAD = true;
const KH = 2u;       // kernel and stride are constants: dividing by them is a shift or a product then
const KW = 2u;
const STRIDE_H = 2u;
const STRIDE_W = 2u;

struct Params {
  n: u32, h: u32, w: u32, c: u32, // c in V
  oh: u32, ow: u32, pad_h: u32, pad_w: u32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(0) var<storage, read> dy: array<V>;
@group(0) @binding(1) var<storage, read_write> dx: array<V>;
@group(0) @binding(2) var<uniform> p: Params;

// First input and the one past the last of window `o` along an axis of `size` inputs and `outputs` windows.
fn window(o: u32, size: u32, outputs: u32, kernel: u32, stride: u32, pad: u32) -> vec2u {
  if (ADAPTIVE) { return vec2u(o * size / outputs, ((o + 1u) * size + outputs - 1u) / outputs); }
  let end = o * stride + kernel;
  return vec2u(max(o * stride, pad) - pad, min(max(end, pad) - pad, size));
}

// First window and the one past the last that hold input `i`: the inverse of `window`.
fn holders(i: u32, size: u32, outputs: u32, kernel: u32, stride: u32, pad: u32) -> vec2u {
  if (ADAPTIVE) { return vec2u(i * outputs / size, ((i + 1u) * outputs + size - 1u) / size); }
  return vec2u((max(i + pad + stride, kernel) - kernel) / stride, min((i + pad) / stride + 1u, outputs));
}

// What a window of rows and columns is divided by.
fn divisor(rows: vec2u, columns: vec2u) -> f32 {
  if (!ADAPTIVE && INCLUDE_PAD) { return f32(KH * KW); }
  return f32((rows.y - rows.x) * (columns.y - columns.x));
}

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
fn avg_pool2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = place(id.y * groups.x * WORKGROUP + id.x, p.oh, p.ow);
  if (!at.valid) { return; }
  let rows = window(at.line, p.h, p.oh, KH, STRIDE_H, p.pad_h);
  for (var ox = at.first; ox < at.last; ox++) {
    let columns = window(ox, p.w, p.ow, KW, STRIDE_W, p.pad_w);
    var sum = V();
    for (var iy = rows.x; iy < rows.y; iy++) {
      for (var ix = columns.x; ix < columns.y; ix++) {
        sum += x[((at.image * p.h + iy) * p.w + ix) * p.c + at.channel];
      }
    }
    y[((at.image * p.oh + at.line) * p.ow + ox) * p.c + at.channel] = sum / divisor(rows, columns);
  }
}

@compute @workgroup_size(WORKGROUP)
fn avg_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = place(id.y * groups.x * WORKGROUP + id.x, p.h, p.w);
  if (!at.valid) { return; }
  let down = holders(at.line, p.h, p.oh, KH, STRIDE_H, p.pad_h);
  for (var ix = at.first; ix < at.last; ix++) {
    let across = holders(ix, p.w, p.ow, KW, STRIDE_W, p.pad_w);
    var sum = V();
    for (var oy = down.x; oy < down.y; oy++) {
      let rows = window(oy, p.h, p.oh, KH, STRIDE_H, p.pad_h);
      for (var ox = across.x; ox < across.y; ox++) {
        let columns = window(ox, p.w, p.ow, KW, STRIDE_W, p.pad_w);
        sum += dy[((at.image * p.oh + oy) * p.ow + ox) * p.c + at.channel] / divisor(rows, columns);
      }
    }
    dx[((at.image * p.h + at.line) * p.w + ix) * p.c + at.channel] = sum;
  }
}
