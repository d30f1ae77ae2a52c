// Gradients of y = x·s with x (N,H,W,C) and s (N,1,1,C), channels innermost: squeeze-and-excitation's scaling (Hu et al.,
// "Squeeze-and-Excitation Networks", 2018). The product itself is binary_broadcast.
//
//   dx = dy·s,   ds = Σ dy·x over the pixels
//
// from one reading of dy. An image's pixels are cut into chunks, whose sums reduce_sum adds up in order. An invocation: one
// V of channels of an image over `chunk` pixels. Dispatch (ceil(columns/WORKGROUP), 1, splits).

alias V = vec4f;     // vec4f; f32 where C is not a multiple of four
const WORKGROUP = 64u;

struct Params { columns: u32, c: u32, pixels: u32, chunk: u32 } // columns N·c; c in V

@group(0) @binding(0) var<storage, read> x: array<V>;            // (N,H,W,C)
@group(0) @binding(1) var<storage, read> s: array<V>;            // (N,1,1,C)
@group(0) @binding(2) var<storage, read> dy: array<V>;           // (N,H,W,C)
@group(0) @binding(3) var<storage, read_write> dx: array<V>;     // (N,H,W,C)
@group(0) @binding(4) var<storage, read_write> parts: array<V>;  // (splits,N,C)
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn scale_channels_backward(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let column = id.x;
  if (column >= p.columns) { return; }
  let factor = s[column];
  let first = group.z * p.chunk;
  let last = min(first + p.chunk, p.pixels);
  var i = ((column / p.c) * p.pixels + first) * p.c + column % p.c;
  var sum = V();
  for (var pixel = first; pixel < last; pixel++) {
    let g = dy[i];
    dx[i] = g * factor;
    sum = fma(g, x[i], sum);
    i += p.c;
  }
  parts[group.z * p.columns + column] = sum;
}
