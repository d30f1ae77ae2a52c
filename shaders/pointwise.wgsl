// Operations that take each element on its own: y = f(x), and dx = dy · f'(x).
//
// An operation is one line in each of the two tables below, side by side by number (src/kernels/pointwise.ts has the
// names). An invocation does a vec4; what lies past the last element is room that every tensor has (src/gpu/pool.ts).
// Dispatch (ceil(count/WORKGROUP/y), y): src/kernels/grid.ts folds what exceeds a dimension's limit into y.

const WORKGROUP = 64u;
const OP = 0u;

struct Params { count: u32 } // vec4s

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn value(v: vec4f) -> vec4f {
  switch OP {
    case 0u: { return select(v, vec4f(), v < vec4f()); } // relu; NaN stays NaN, which max would hide
    case 1u: { return -v; }               // neg
    case 2u: { return exp(v); }           // exp
    case 3u: { return log(v); }           // log
    case 4u: { return sqrt(v); }          // sqrt
    case 5u: { return abs(v); }           // abs
    default: { return v * v; }            // square
  }
}

fn derivative(v: vec4f) -> vec4f {
  switch OP {
    case 0u: { return select(vec4f(), vec4f(1.0), v > vec4f()); }
    case 1u: { return vec4f(-1.0); }
    case 2u: { return exp(v); }
    case 3u: { return vec4f(1.0) / v; }
    case 4u: { return vec4f(0.5) / sqrt(v); }
    case 5u: { return sign(v); }
    default: { return vec4f(2.0) * v; }
  }
}

@compute @workgroup_size(WORKGROUP)
fn pointwise_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = value(x[i]); }
}

/// y is dx here.
@compute @workgroup_size(WORKGROUP)
fn pointwise_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = dy[i] * derivative(x[i]); }
}
