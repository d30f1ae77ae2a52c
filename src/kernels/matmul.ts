import { gradientFor, record, Tensor } from '../tensor/index.js';
import { activationNumber, type OutputActivation } from './activation.js';
import { linearGrid, splitCount } from './grid.js';
import { activationBackward } from './pointwise.js';
import { sumInto, sumOfParts } from './reduce.js';
import { requireShape, type OpDefinition } from './op.js';

/** Tile sizes of matmul.wgsl and matmul_portable.wgsl. */
const ROWS = 16;
const LANE_ROWS = 4;
const COLUMNS = 16;
const PORTABLE_TILE = 32;

/** Rows of the sum below which a split of `tn` is not worth a workgroup of its own. */
const LEAST_DEPTH = 128;

export interface LinearOptions {
  /** Ends in this activation, in the same kernel. */
  readonly activation?: OutputActivation | undefined;
}

export interface Epilogue extends LinearOptions {
  readonly bias?: Tensor | undefined;
}

/** Sizes of a product: c is (m,n), the sum runs over k. */
export interface ProductSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** c = a·b (`nn`) or a·bᵀ (`nt`), row-major: a (m,k), b (k,n) or (n,k). Only `nt` takes a bias and an activation. */
export function product(
  kind: 'nn' | 'nt',
  a: Tensor,
  b: Tensor,
  c: Tensor,
  { m, n, k }: ProductSizes,
  epilogue: Epilogue = {},
): void {
  const device = a.device;
  const sg = device.subgroupSize;
  const call = { entry: `matmul_${kind}`, params: { m, n, k, depth: 0 }, flops: 2 * m * n * k };
  const finish = { BIAS: epilogue.bias !== undefined, ACTIVATION: activationNumber(epilogue.activation) };
  const bias = epilogue.bias?.slice ?? device.zeros;
  const operands = { a: a.slice, b: b.slice };
  if (sg >= 4 && k % 4 === 0 && kind === 'nt') {
    const [across, z] = linearGrid(device, m, LANE_ROWS * sg);
    device.dispatch({
      ...call,
      shader: 'matmul',
      constants: { SG: sg, LANE_ROWS, COLUMNS, ...finish },
      bindings: { ...operands, c_scalar: c.slice, bias },
      grid: [across, Math.ceil(n / COLUMNS), z],
    });
  } else if (sg >= 4 && k % 4 === 0 && n % 4 === 0) {
    device.dispatch({
      ...call,
      shader: 'matmul',
      constants: { SG: sg, ROWS },
      bindings: { ...operands, c: c.slice },
      grid: [Math.ceil(n / 4 / sg), ...linearGrid(device, m, ROWS)],
    });
  } else {
    device.dispatch({
      ...call,
      shader: 'matmul_portable',
      constants: finish,
      bindings: { ...operands, c: c.slice, bias },
      grid: [Math.ceil(n / PORTABLE_TILE), ...linearGrid(device, m, PORTABLE_TILE)],
    });
  }
}

/**
 * c (m,n) = aᵀ·b over k, row-major: a (k,m), b (k,n). Weight gradients are such products, with small m and n and a k as long
 * as the batch has rows, which is cut into splits for that.
 */
export function productOfTransposed(a: Tensor, b: Tensor, c: Tensor, { m, n, k }: ProductSizes): void {
  const device = a.device;
  const sg = device.subgroupSize;
  const subgroups = sg >= 4 && m % 4 === 0 && n % 4 === 0;
  const [across, down] = subgroups
    ? [Math.ceil(n / 4 / sg), Math.ceil(m / ROWS)]
    : [Math.ceil(n / PORTABLE_TILE), Math.ceil(m / PORTABLE_TILE)];
  const depth = Math.ceil(k / splitCount(across * down, k, LEAST_DEPTH));
  const splits = Math.ceil(k / depth);
  sumOfParts(c, splits, parts => {
    device.dispatch({
      shader: subgroups ? 'matmul' : 'matmul_portable',
      entry: 'matmul_tn',
      ...(subgroups ? { constants: { SG: sg, ROWS } } : {}),
      bindings: { a: a.slice, b: b.slice, c: parts.slice, ...(subgroups ? {} : { bias: device.zeros }) },
      params: { m, n, k, depth },
      flops: 2 * m * n * k,
      grid: [across, down, splits],
    });
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
  product('nn', a, b, c, { m, n, k });
  return record('matmul', [a, b], c, (dy, [needA, needB]) => {
    let da: Tensor | undefined;
    let db: Tensor | undefined;
    if (needA) product('nt', dy, b, (da = gradientFor(a)), { m, n: k, k: n });
    if (needB) productOfTransposed(a, dy, (db = gradientFor(b)), { m: k, n, k: m });
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
  product('nt', x, weight, y, { m: n, n: o, k: i }, { bias, activation });
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return record('linear', inputs, y, (dy, [needX, needW, needBias]) => {
    const g = activation ? activationBackward(activation, y, dy) : dy;
    let dx: Tensor | undefined;
    let dw: Tensor | undefined;
    let dbias: Tensor | undefined;
    if (needX) product('nn', g, weight, (dx = gradientFor(x)), { m: n, n: i, k: o });
    if (needW) productOfTransposed(g, x, (dw = gradientFor(weight)), { m: o, n: i, k: n });
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
