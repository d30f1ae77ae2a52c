// Bilinear resize without aligned corners, PyTorch's (at::upsample_bilinear2d), both up and down, without antialiasing.
//
//   source = max(0, (o + 1/2)·size/outputs − 1/2),  y[o] = (1 − λ)·x[i] + λ·x[min(i + 1, size − 1)],  i = floor(source)
//
// along both axes, λ the fraction of the source. Sources are whole numerators over 2·outputs, so that floors are exact.
// x and dx (N,H,W,C), y and dy (N,OH,OW,C), channels innermost. The gradient is gathered over the outputs that take from
// an input, so that no two invocations add to one place. An invocation does one V of channels for BLOCK pixels of a line of
// the result. Dispatch (ceil(N·lines·ceil(line/BLOCK)·C/WORKGROUP/y), y).

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;
const BLOCK = 8u;

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
  // A quotient of float32 is off by one at most, which the rest tells; integer division is several times as dear.
  let denominator = 2u * outputs;
  var low = u32(f32(numerator) / f32(denominator));
  if (low * denominator > numerator) { low--; }
  if (numerator - low * denominator >= denominator) { low++; }
  return Source(low, min(low + 1u, size - 1u), f32(numerator - low * denominator) / f32(denominator));
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
fn interpolate_bilinear_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = place(id.y * groups.x * WORKGROUP + id.x, p.oh, p.ow);
  if (!at.valid) { return; }
  let row = source(at.line, p.h, p.oh);
  let above = (at.image * p.h + row.low) * p.w;
  let below = (at.image * p.h + row.high) * p.w;
  for (var ox = at.first; ox < at.last; ox++) {
    let column = source(ox, p.w, p.ow);
    let left = column.low * p.c + at.channel;
    let right = column.high * p.c + at.channel;
    let top = (1.0 - column.fraction) * x[above * p.c + left] + column.fraction * x[above * p.c + right];
    let bottom = (1.0 - column.fraction) * x[below * p.c + left] + column.fraction * x[below * p.c + right];
    y[((at.image * p.oh + at.line) * p.ow + ox) * p.c + at.channel] = (1.0 - row.fraction) * top + row.fraction * bottom;
  }
}

@compute @workgroup_size(WORKGROUP)
fn interpolate_bilinear_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = place(id.y * groups.x * WORKGROUP + id.x, p.h, p.w);
  if (!at.valid) { return; }
  let down = takers(at.line, p.h, p.oh);
  for (var ix = at.first; ix < at.last; ix++) {
    let across = takers(ix, p.w, p.ow);
    var sum = V();
    for (var oy = down.x; oy < down.y; oy++) {
      let row = share(oy, at.line, p.h, p.oh);
      var of_row = V();
      for (var ox = across.x; ox < across.y; ox++) {
        of_row += share(ox, ix, p.w, p.ow) * dy[((at.image * p.oh + oy) * p.ow + ox) * p.c + at.channel];
      }
      sum += row * of_row;
    }
    dx[((at.image * p.h + at.line) * p.w + ix) * p.c + at.channel] = sum;
  }
}
