// Average pooling, PyTorch's: windows of a fixed size, or adaptive bins for any output size.
//
//   y[oy,ox] = Σ x over the window / divisor
//
// A fixed window begins at oy·stride − pad; padding counts as zeros in the sum and, with INCLUDE_PAD, in the divisor. An
// adaptive bin runs from floor(oy·H/OH) to ceil((oy+1)·H/OH), so that neighbours may overlap (at::adaptive_avg_pool2d).
// x and dx (N,H,W,C), y and dy (N,OH,OW,C), channels innermost. The gradient is gathered: an input sums dy/divisor over
// the windows that hold it. An invocation does one V of the result. Dispatch (ceil(elements/WORKGROUP/y), y).

alias V = vec4f;          // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;
const ADAPTIVE = false;
const INCLUDE_PAD = true;

struct Params {
  n: u32, h: u32, w: u32, c: u32, // c in V
  oh: u32, ow: u32,
  kh: u32, kw: u32, stride_h: u32, stride_w: u32, pad_h: u32, pad_w: u32,
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
  if (!ADAPTIVE && INCLUDE_PAD) { return f32(p.kh * p.kw); }
  return f32((rows.y - rows.x) * (columns.y - columns.x));
}

@compute @workgroup_size(WORKGROUP)
fn avg_pool2d_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.oh * p.ow * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let line = pixel / p.ow;
  let rows = window(line % p.oh, p.h, p.oh, p.kh, p.stride_h, p.pad_h);
  let columns = window(pixel % p.ow, p.w, p.ow, p.kw, p.stride_w, p.pad_w);
  let image = (line / p.oh) * p.h;
  var sum = V();
  for (var iy = rows.x; iy < rows.y; iy++) {
    for (var ix = columns.x; ix < columns.y; ix++) { sum += x[((image + iy) * p.w + ix) * p.c + channel]; }
  }
  y[i] = sum / divisor(rows, columns);
}

@compute @workgroup_size(WORKGROUP)
fn avg_pool2d_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.h * p.w * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let line = pixel / p.w;
  let down = holders(line % p.h, p.h, p.oh, p.kh, p.stride_h, p.pad_h);
  let across = holders(pixel % p.w, p.w, p.ow, p.kw, p.stride_w, p.pad_w);
  let image = (line / p.h) * p.oh;
  var sum = V();
  for (var oy = down.x; oy < down.y; oy++) {
    let rows = window(oy, p.h, p.oh, p.kh, p.stride_h, p.pad_h);
    for (var ox = across.x; ox < across.y; ox++) {
      let columns = window(ox, p.w, p.ow, p.kw, p.stride_w, p.pad_w);
      sum += dy[((image + oy) * p.ow + ox) * p.c + channel] / divisor(rows, columns);
    }
  }
  dx[i] = sum;
}
