// Sums over some dimensions of a tensor.
//
//   y[o] = scale · Σ_r x[offset(o) + offset(r)]
//
// Both the results o and the summed positions r run over up to four dimensions in memory order. A result's sum is split
// over `z` workgroups that write parts; a second launch adds the parts (outer = results, inner = splits) in that fixed
// order. An invocation does one V of results over `chunk` positions. Dispatch (ceil(results/WORKGROUP), 1, splits).

alias V = vec4f;          // vec4f where the innermost dimension is kept and a multiple of four; else f32
const WORKGROUP = 64u;
const BLOCK = 8u; // reduce_sum_backward

struct Params {
  results: u32, positions: u32, chunk: u32,
  o1: u32, o2: u32, o3: u32,                    // sizes of the inner kept dimensions
  os0: u32, os1: u32, os2: u32, os3: u32,       // their strides in x, in V
  r1: u32, r2: u32, r3: u32,                    // sizes of the inner summed dimensions
  rs0: u32, rs1: u32, rs2: u32, rs3: u32,       // their strides in x, in V
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>; // (splits, results)
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn reduce_sum(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let o = id.x;
  if (o >= p.results) { return; }
  let base = (o % p.o3) * p.os3 + ((o / p.o3) % p.o2) * p.os2 + ((o / (p.o3 * p.o2)) % p.o1) * p.os1
    + (o / (p.o3 * p.o2 * p.o1)) * p.os0;
  var sum = V();
  let last = min((group.z + 1u) * p.chunk, p.positions);
  // The innermost summed dimension is walked by its stride; only its beginnings cost divisions.
  var r = group.z * p.chunk;
  while (r < last) {
    let inner = r % p.r3;
    let outer = r / p.r3;
    var at = base + inner * p.rs3 + (outer % p.r2) * p.rs2 + ((outer / p.r2) % p.r1) * p.rs1
      + (outer / (p.r2 * p.r1)) * p.rs0;
    let run = min(p.r3 - inner, last - r);
    for (var i = 0u; i < run; i++) {
      sum += x[at];
      at += p.rs3;
    }
    r += run;
  }
  y[group.z * p.results + o] = sum * p.scale;
}

// The gradient of a sum: every summed position gets scale · dy of its result. `o*` are now dx's sizes, `os*` the strides in
// dy (0 along summed dimensions). An invocation does one V of the innermost dimension in BLOCK steps along the next, since
// the divisions that find it are dear; `results` counts invocations. Dispatch (ceil(results/WORKGROUP/y), y).
@group(0) @binding(0) var<storage, read> dy: array<V>;
@group(0) @binding(1) var<storage, read_write> dx: array<V>;
@compute @workgroup_size(WORKGROUP)
fn reduce_sum_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  if (job >= p.results) { return; }
  let blocks = (p.o2 + BLOCK - 1u) / BLOCK;
  let line = job / p.o3;
  let i3 = job - line * p.o3;
  let outer = line / blocks;
  let first = (line - outer * blocks) * BLOCK;
  let i0 = outer / p.o1;
  let base = i0 * p.os0 + (outer - i0 * p.o1) * p.os1 + i3 * p.os3;
  for (var i2 = first; i2 < min(first + BLOCK, p.o2); i2++) {
    dx[(outer * p.o2 + i2) * p.o3 + i3] = dy[base + i2 * p.os2] * p.scale;
  }
}
