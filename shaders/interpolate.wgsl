// Bilinear resize without aligned corners, PyTorch's (at::upsample_bilinear2d), both up and down, without antialiasing.
//
//   source = max(0, (o + 1/2)·size/outputs − 1/2),  y[o] = (1 − λ)·x[i] + λ·x[min(i + 1, size − 1)],  i = floor(source)
//
// along both axes, λ the fraction of the source. Sources are whole numerators over 2·outputs, so that floors are exact.
// x and dx (N,H,W,C), y and dy (N,OH,OW,C), channels innermost. The gradient is gathered over the outputs that take from
// an input, so that no two invocations add to one place. An invocation does one V of the result.
// Dispatch (ceil(elements/WORKGROUP/y), y).

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;

struct Params { n: u32, h: u32, w: u32, c: u32, oh: u32, ow: u32 } // c in V

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(0) var<storage, read> dy: array<V>;
@group(0) @binding(1) var<storage, read_write> dx: array<V>;
@group(0) @binding(2) var<uniform> p: Params;

struct Source { low: u32, high: u32, fraction: f32 }

// What output `o` of `outputs` takes from an axis of `size` inputs.
fn source(o: u32, size: u32, outputs: u32) -> Source {
  let numerator = max((2u * o + 1u) * size, outputs) - outputs;
  let low = numerator / (2u * outputs);
  return Source(low, min(low + 1u, size - 1u), f32(numerator % (2u * outputs)) / f32(2u * outputs));
}

// How much of input `i` output `o` takes.
fn share(o: u32, i: u32, size: u32, outputs: u32) -> f32 {
  let s = source(o, size, outputs);
  return select(0.0, 1.0 - s.fraction, s.low == i) + select(0.0, s.fraction, s.high == i);
}

// First output and the one past the last whose source lies between i − 1 and i + 1; the edges take what is beyond them.
// (2·o + 1)·size > (2·i − 1)·outputs, and (2·o + 1)·size < (2·i + 3)·outputs.
fn takers(i: u32, size: u32, outputs: u32) -> vec2u {
  var range = vec2u(0u, outputs);
  if (i > 0u) { range.x = ((2u * i - 1u) * outputs / size + 1u) / 2u; }
  if (i + 1u < size) { range.y = (((2u * i + 3u) * outputs + size - 1u) / size) / 2u; }
  return range;
}

@compute @workgroup_size(WORKGROUP)
fn interpolate_bilinear_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.oh * p.ow * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let line = pixel / p.ow;
  let row = source(line % p.oh, p.h, p.oh);
  let column = source(pixel % p.ow, p.w, p.ow);
  let image = (line / p.oh) * p.h;
  let above = (image + row.low) * p.w;
  let below = (image + row.high) * p.w;
  let left = column.low;
  let right = column.high;
  let top = (1.0 - column.fraction) * x[(above + left) * p.c + channel]
    + column.fraction * x[(above + right) * p.c + channel];
  let bottom = (1.0 - column.fraction) * x[(below + left) * p.c + channel]
    + column.fraction * x[(below + right) * p.c + channel];
  y[i] = (1.0 - row.fraction) * top + row.fraction * bottom;
}

@compute @workgroup_size(WORKGROUP)
fn interpolate_bilinear_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.n * p.h * p.w * p.c) { return; }
  let channel = i % p.c;
  let pixel = i / p.c;
  let ix = pixel % p.w;
  let line = pixel / p.w;
  let iy = line % p.h;
  let image = (line / p.h) * p.oh;
  let down = takers(iy, p.h, p.oh);
  let across = takers(ix, p.w, p.ow);
  var sum = V();
  for (var oy = down.x; oy < down.y; oy++) {
    let row = share(oy, iy, p.h, p.oh);
    var of_row = V();
    for (var ox = across.x; ox < across.y; ox++) {
      of_row += share(ox, ix, p.w, p.ow) * dy[((image + oy) * p.ow + ox) * p.c + channel];
    }
    sum += row * of_row;
  }
  dx[i] = sum;
}
