import { gradientFor, record, Tensor } from '../tensor/index.js';
import { activationNumber, type OutputActivation } from './activation.js';
import { activationBackward } from './pointwise.js';
import { sumInto } from './reduce.js';
import { requireShape, type OpDefinition } from './op.js';

/** Tile sizes of matmul.wgsl and matmul_portable.wgsl. */
const ROWS = 16;
const LANE_ROWS = 4;
const COLUMNS = 16;
const PORTABLE_TILE = 32;

type Kind = 'nn' | 'nt' | 'tn';

export interface LinearOptions {
  /** Ends in this activation, in the same kernel. */
  readonly activation?: OutputActivation | undefined;
}

interface Epilogue extends LinearOptions {
  readonly bias?: Tensor | undefined;
}

/**
 * c (m,n) = a·b over k, row-major: `nn` a(m,k)·b(k,n), `nt` a(m,k)·b(n,k)ᵀ, `tn` a(k,m)ᵀ·b(k,n). Only `nt` takes a bias and
 * an activation.
 */
function product(
  kind: Kind,
  a: Tensor,
  b: Tensor,
  c: Tensor,
  m: number,
  n: number,
  k: number,
  epilogue: Epilogue = {},
) {
  const device = a.device;
  const sg = device.subgroupSize;
  const aligned = kind === 'nn' ? [k, n] : kind === 'nt' ? [k] : [m, n];
  const call = { entry: `matmul_${kind}`, params: { m, n, k } };
  const finish = { BIAS: epilogue.bias !== undefined, ACTIVATION: activationNumber(epilogue.activation) };
  const bias = epilogue.bias?.slice ?? device.zeros;
  if (sg >= 4 && aligned.every(size => size % 4 === 0)) {
    const operands = { a: a.slice, b: b.slice };
    if (kind === 'nt') {
      device.dispatch({
        ...call,
        shader: 'matmul',
        constants: { SG: sg, LANE_ROWS, COLUMNS, ...finish },
        bindings: { ...operands, c_scalar: c.slice, bias },
        grid: [Math.ceil(m / (LANE_ROWS * sg)), Math.ceil(n / COLUMNS)],
      });
    } else {
      device.dispatch({
        ...call,
        shader: 'matmul',
        constants: { SG: sg, ROWS },
        bindings: { ...operands, c: c.slice },
        grid: [Math.ceil(n / 4 / sg), Math.ceil(m / ROWS)],
      });
    }
    return;
  }
  device.dispatch({
    ...call,
    shader: 'matmul_portable',
    constants: finish,
    bindings: { a: a.slice, b: b.slice, c: c.slice, bias },
    grid: [Math.ceil(n / PORTABLE_TILE), Math.ceil(m / PORTABLE_TILE)],
  });
}

/** Matrix product a (M,K) · b (K,N), as torch.matmul of two matrices. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireShape(
    a.shape.length === 2 && b.shape.length === 2 && a.shape[1] === b.shape[0],
    'matmul',
    'takes (M,K) and (K,N) with the same K',
    a,
    b,
  );
  const [m, k] = a.shape as [number, number];
  const n = b.shape[1]!;
  const c = Tensor.empty([m, n], { device: a.device });
  product('nn', a, b, c, m, n, k);
  return record('matmul', [a, b], c, (dy, [needA, needB]) => {
    let da: Tensor | undefined;
    let db: Tensor | undefined;
    if (needA) product('nt', dy, b, (da = gradientFor(a)), m, k, n);
    if (needB) product('tn', a, dy, (db = gradientFor(b)), k, n, m);
    return [da, db];
  });
}

/**
 * y = x·wᵀ + bias, then an activation where asked: x (N,I), weight (O,I), bias (O), y (N,O); torch.nn.functional.linear.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  requireShape(
    x.shape.length === 2 && weight.shape.length === 2 && x.shape[1] === weight.shape[1],
    'linear',
    'takes an input (N,I) and a weight (O,I) with the same I; flatten images first',
    x,
    weight,
  );
  const [n, i] = x.shape as [number, number];
  const o = weight.shape[0]!;
  if (bias)
    requireShape(bias.shape.length === 1 && bias.shape[0] === o, 'linear', `takes a bias of shape (${o})`, bias);
  const y = Tensor.empty([n, o], { device: x.device });
  const { activation } = options;
  product('nt', x, weight, y, n, o, i, { bias, activation });
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return record('linear', inputs, y, (dy, [needX, needW, needBias]) => {
    const g = activation ? activationBackward(activation, y, dy) : dy;
    let dx: Tensor | undefined;
    let dw: Tensor | undefined;
    let dbias: Tensor | undefined;
    if (needX) product('nn', g, weight, (dx = gradientFor(x)), n, i, o);
    if (needW) product('tn', g, x, (dw = gradientFor(weight)), o, i, n);
    if (needBias) sumInto(g, [0], (dbias = gradientFor(bias!)));
    if (activation) g.dispose();
    return [dx, dw, dbias];
  });
}

export const matmulOp: OpDefinition = {
  shader: 'matmul',
  inputs: ['a', 'b'],
  run: ({ a, b }) => matmul(a!, b!),
};

export const linearOp: OpDefinition = {
  shader: 'matmul',
  inputs: ['input', 'weight', 'bias?'],
  run: ({ input, weight, bias }, params) => linear(input!, weight!, bias, params),
};
