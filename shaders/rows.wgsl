// Copies parts of rows: what concatenation and slicing along any dimension come down to, since what lies outside that
// dimension in memory counts as rows, and it and what lies inside as one row's elements.
//
//   rows_copy  to[r, to_start + j] = from[r, from_start + j]   for j < width
//   rows_pad   to[r, j] = from[r, j − to_start] where 0 <= j − to_start < width, else 0: the gradient of a slice
//
// An invocation does one V of what is copied, or of the padded row, in BLOCK rows: the division that finds it is dear.
// Dispatch (ceil(ceil(rows/BLOCK)·width/WORKGROUP/y), y), with the padded row's length in place of width for rows_pad. All
// lengths count V.

alias V = vec4f;     // vec4f; vec2f or f32 where lengths and starts are not multiples of four or two
const WORKGROUP = 64u;
const BLOCK = 8u;

struct Params { rows: u32, width: u32, from_row: u32, from_start: u32, to_row: u32, to_start: u32 }

@group(0) @binding(0) var<storage, read> source: array<V>;     // (rows, from_row)
@group(0) @binding(1) var<storage, read_write> result: array<V>; // (rows, to_row)
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn rows_copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let block = job / p.width;
  let j = job - block * p.width;
  for (var r = block * BLOCK; r < min(block * BLOCK + BLOCK, p.rows); r++) {
    result[r * p.to_row + p.to_start + j] = source[r * p.from_row + p.from_start + j];
  }
}

@compute @workgroup_size(WORKGROUP)
fn rows_pad(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let block = job / p.to_row;
  let j = job - block * p.to_row;
  let inside = j >= p.to_start && j < p.to_start + p.width;
  for (var r = block * BLOCK; r < min(block * BLOCK + BLOCK, p.rows); r++) {
    var v = V();
    if (inside) { v = source[r * p.from_row + j - p.to_start]; }
    result[r * p.to_row + j] = v;
  }
}
