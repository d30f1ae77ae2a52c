// Operations that take each element on its own: y = f(x), and dx = dy · f'(x).
//
// An operation is one line in each of two tables, side by side by number: activations in their own, all others in those
// below (src/kernels/pointwise.ts has the names). An invocation does a vec4; what lies past the last element is room that every tensor has (src/gpu/pool.ts).
// Dispatch (ceil(count/WORKGROUP/y), y): src/kernels/grid.ts folds what exceeds a dimension's limit into y.

alias V = vec4f;
const WORKGROUP = 64u;
const OP = 0u;

struct Params { count: u32 } // vec4s

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> dy: array<V>;
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

// --- activations: the same text in every shader that ends in one (a test compares) ---
const ACTIVATION = 0u; // numbers: src/kernels/activation.ts

// Exponents are never positive, so that nothing overflows.
fn sigmoid(v: V) -> V {
  let e = exp(-abs(v));
  return select(e, V(1.0), v >= V()) / (V(1.0) + e);
}

fn hyperbolic_tangent(v: V) -> V {
  let e = exp(V(-2.0) * abs(v));
  let far = (V(1.0) - e) / (V(1.0) + e);
  // Near zero 1 − e loses digits: the series, whose next term is below 6e-8.
  let s = v * v;
  let near = v * fma(s, fma(s, fma(s, V(-0.053968254), V(0.13333333)), V(-0.33333333)), V(1.0));
  return select(select(far, -far, v < V()), near, abs(v) < V(0.2));
}

// The normal distribution's density and Φ(v), written to two places. Φ(−a) = exp(−a²/2)·t·P(t), t = 1/(1 + a/(3·√2)): the
// form of Abramowitz and Stegun 7.1.26, P fitted to degree 7 by weighted least squares for 0 <= a <= 14.8, relative error
// 1.6e-7; both tails keep their digits. Beyond a = 20 both are zero in float32.
fn normal(v: V, density: ptr<function, V>, distribution: ptr<function, V>) {
  let a = min(abs(v), V(20.0));
  let e = exp(V(-0.5) * a * a);
  let t = V(1.0) / fma(a, V(0.23570226), V(1.0));
  var tail = fma(t, V(-0.063040827), V(0.20365745));
  tail = fma(t, tail, V(-0.13686984));
  tail = fma(t, tail, V(0.17325389));
  tail = fma(t, tail, V(0.038378418));
  tail = fma(t, tail, V(0.097560821));
  tail = fma(t, tail, V(0.092974349));
  tail = fma(t, tail, V(0.094085659)) * t * e;
  *density = V(0.39894228) * e;
  *distribution = select(V(1.0) - tail, tail, v < V());
}

// NaN stays NaN: comparisons with it are false, and max or clamp would hide it.
fn activate(v: V) -> V {
  switch ACTIVATION {
    case 1u: { return select(v, V(), v < V()); }                                     // relu
    case 2u: { return select(select(v, V(), v < V()), V(6.0), v > V(6.0)); }         // relu6
    case 3u: { return v * sigmoid(v); }                                              // silu
    case 4u: { return sigmoid(v); }                                                  // sigmoid
    case 5u: { return hyperbolic_tangent(v); }                                       // tanh
    case 6u: { return v * clamp(v + V(3.0), V(), V(6.0)) / V(6.0); }                 // hardswish
    case 7u: {                                                                       // gelu
      var density: V;
      var distribution: V;
      normal(v, &density, &distribution);
      return v * distribution;
    }
    case 8u: { return select(v, V(0.01) * v, v < V()); }                             // leaky_relu
    default: { return v; }
  }
}

// The derivative at v; where there is none, what PyTorch takes.
fn activate_slope(v: V) -> V {
  switch ACTIVATION {
    case 1u: { return select(V(), V(1.0), v > V()); }
    case 2u: { return select(V(), V(1.0), (v > V()) & (v < V(6.0))); }
    case 3u: {
      let s = sigmoid(v);
      return s * fma(v, V(1.0) - s, V(1.0));
    }
    case 4u: {
      let s = sigmoid(v);
      return s * (V(1.0) - s);
    }
    case 5u: {
      let t = hyperbolic_tangent(v);
      return fma(-t, t, V(1.0));
    }
    case 6u: { return select(select(fma(v, V(1.0 / 3.0), V(0.5)), V(1.0), v > V(3.0)), V(), v < V(-3.0)); }
    case 7u: {
      var density: V;
      var distribution: V;
      normal(v, &density, &distribution);
      return fma(v, density, distribution);
    }
    case 8u: { return select(V(0.01), V(1.0), v > V()); }
    default: { return V(1.0); }
  }
}
// --- end of activations ---

fn value(v: V) -> V {
  switch OP {
    case 1u: { return -v; }               // neg
    case 2u: { return exp(v); }           // exp
    case 3u: { return log(v); }           // log
    case 4u: { return sqrt(v); }          // sqrt
    case 5u: { return abs(v); }           // abs
    case 6u: { return v * v; }            // square
    default: { return activate(v); }
  }
}

fn derivative(v: V) -> V {
  switch OP {
    case 1u: { return V(-1.0); }
    case 2u: { return exp(v); }
    case 3u: { return V(1.0) / v; }
    case 4u: { return V(0.5) / sqrt(v); }
    case 5u: { return sign(v); }
    case 6u: { return V(2.0) * v; }
    default: { return activate_slope(v); }
  }
}

// Derivatives that follow from the value v = activation(…), for kernels that end in an activation.
fn slope_of_output(v: V) -> V {
  switch ACTIVATION {
    case 1u: { return select(V(), V(1.0), v > V()); }                        // relu
    case 2u: { return select(V(), V(1.0), (v > V()) & (v < V(6.0))); }       // relu6
    case 4u: { return v * (V(1.0) - v); }                                    // sigmoid
    default: { return fma(-v, v, V(1.0)); }                                  // tanh
  }
}

@compute @workgroup_size(WORKGROUP)
fn pointwise_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = value(x[i]); }
}

// y is dx here.
@compute @workgroup_size(WORKGROUP)
fn pointwise_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = dy[i] * derivative(x[i]); }
}

// x is the activation's output here, y dx.
@compute @workgroup_size(WORKGROUP)
fn pointwise_backward_output(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i < p.count) { y[i] = dy[i] * slope_of_output(x[i]); }
}
