// What the adapter can do at most, for `facegrad profile` to compare kernels with: two kernels that do nothing but one thing
// each (Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009, have the roofs that these measure).
//
//   copy      y = x, a vec4 an invocation: bytes a second of a kernel that streams.
//             Dispatch (ceil(count/WORKGROUP/y), y): src/kernels/grid.ts folds what exceeds a dimension's limit into y.
//   fma_rate  `rounds` times STEPS times a = a·factor + addend for each of CHAINS vec4s in registers: multiplications and
//             additions a second. Chains do not depend on each other, so that one goes on while the last result of another is
//             under way; their sum is written, so that no compiler leaves them out. Dispatch (ceil(count/WORKGROUP)).

const WORKGROUP = 64u;
const CHAINS = 2u; // more hide longer latencies, fewer fit into fewer registers
const STEPS = 32u;

struct Params { count: u32, rounds: u32, factor: f32, addend: f32 } // count in vec4s

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = x[i]; }
}

@compute @workgroup_size(WORKGROUP)
fn fma_rate(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(p.factor);
  let addend = vec4f(p.addend);
  var chains = array<vec4f, CHAINS>();
  for (var c = 0u; c < CHAINS; c++) { chains[c] = vec4f(f32(id.x + c)); }
  for (var round = 0u; round < p.rounds; round++) {
    for (var step = 0u; step < STEPS; step++) {
      for (var c = 0u; c < CHAINS; c++) { chains[c] = fma(chains[c], factor, addend); }
    }
  }
  var sum = vec4f();
  for (var c = 0u; c < CHAINS; c++) { sum += chains[c]; }
  if (id.x < p.count) { y[id.x] = sum; }
}
