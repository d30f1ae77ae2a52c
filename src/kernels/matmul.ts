import type { Device } from '../gpu/device.js';
import { gradientFor, record, Tensor, type Node } from '../tensor/index.js';
import { activationNumber, type OutputActivation } from './activation.js';
import { linearGrid, splitCount } from './grid.js';
import { matrixBlock, matrixTiles } from './matrix_tiles.js';
import { activationBackward } from './pointwise.js';
import { sumInto, sumOfParts } from './reduce.js';
import { requireShape, type OpDefinition } from './op.js';
import { bucket, choose, type Choice, type Tunable, type Values } from './tuning/choice.js';
import { cut, cutFor, laneCounts, portableTile, portableTiles, subgroupCounts, WORKGROUPS } from './tuning/tiles.js';

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

type Kind = 'nn' | 'nt' | 'tn';

const shader = 'matmul';

/** A choice of matmul_tn, but for the number of workgroups. */
function rowTile(SG: number, SUBGROUPS: number, ROWS: number): Choice {
  return { shader, values: { SG, SUBGROUPS, ROWS }, order: 'one chain' };
}

/** A choice of matmul_nn or of matmul_nt, whose sums are made of those of blocks; their length follows from the tile. */
function laneTile(kind: Kind, SG: number, SUBGROUPS: number, LANE_ROWS: number, COLUMNS: number): Choice {
  const order = kind === 'nt' ? `blocks of ${Math.max(1, SG / COLUMNS)}` : 'one chain';
  return { shader, values: { SG, SUBGROUPS, LANE_ROWS, COLUMNS }, order };
}

const ROWS = [16, 8, 32];
const LANE_TILES = [
  [4, 16],
  [2, 16],
  [8, 16],
  [4, 32],
  [1, 16],
] as const;

/** Whether the subgroup kernels can read the rows as vec4. */
const aligned: Readonly<Record<Kind, (sizes: ProductSizes) => boolean>> = {
  nn: ({ n, k }) => k % 4 === 0 && n % 4 === 0,
  nt: ({ k }) => k % 4 === 0,
  tn: ({ m, n }) => m % 4 === 0 && n % 4 === 0,
};

function standardProduct(kind: Kind, sizes: ProductSizes, device: Device): Choice {
  const [matrices] = matrixProducts(kind, sizes, device);
  if (matrices) return matrices;
  const { subgroupSize: lanes } = device;
  const subgroups = lanes >= 4 && aligned[kind](sizes);
  // Few rows do not fill lanes that take four each: a single image's 2304 to 128 takes half the time with one.
  const laneRows = sizes.m <= lanes ? 1 : 4;
  if (kind !== 'tn') return subgroups ? laneTile(kind, lanes, 1, laneRows, 16) : portableTile('matmul_portable');
  return cutFor(WORKGROUPS, subgroups ? rowTile(lanes, 1, 16) : portableTile('matmul_portable'));
}

/** Under mixed precision: blocks of subgroup matrices, where rows can be read as vec4. */
function matrixProducts(kind: Kind, sizes: ProductSizes, device: Device): Choice[] {
  if (!device.matrices || !aligned[kind](sizes)) return [];
  const tiles = matrixTiles('matmul_matrix', device, device.matrices);
  return kind === 'tn' ? cut(tiles) : tiles;
}

function subgroupProducts(kind: Kind, device: Device): Choice[] {
  return laneCounts(device).flatMap(lanes =>
    subgroupCounts(device, lanes).flatMap(count =>
      kind === 'tn'
        ? ROWS.map(rows => rowTile(lanes, count, rows))
        : LANE_TILES.map(([rows, columns]) => laneTile(kind, lanes, count, rows, columns)),
    ),
  );
}

/** What can be chosen for a product: the tunables of 1x1 convolutions take it over. */
function tunableProduct(kind: Kind): Tunable<ProductSizes> {
  return {
    name: `matmul_${kind}`,
    shapeClass: sizes => {
      const { m, n, k } = sizes;
      return `${bucket(m)}x${bucket(k)}x${bucket(n)}${aligned[kind](sizes) ? '' : ' scalar'}`;
    },
    standard: (sizes, device) => standardProduct(kind, sizes, device),
    candidates: (sizes, device) => {
      const matrices = matrixProducts(kind, sizes, device);
      if (matrices.length > 0) return matrices;
      const choices = [
        ...(aligned[kind](sizes) ? subgroupProducts(kind, device) : []),
        ...portableTiles('matmul_portable', device),
      ];
      return kind === 'tn' ? cut(choices) : choices;
    },
    work: ({ m, n, k }) => m * n * k,
    operands: ({ m, n, k }) => [kind === 'tn' ? [k, m] : [m, k], kind === 'nt' ? [n, k] : [k, n]],
    result: ({ m, n }) => [m, n],
    launch: (choice, sizes, [a, b], c) => {
      if (kind === 'tn') productOfTransposed(a!, b!, c, sizes, choice);
      else product(kind, a!, b!, c, sizes, {}, choice);
    },
  };
}

export const tunableProducts = { nn: tunableProduct('nn'), nt: tunableProduct('nt'), tn: tunableProduct('tn') };

/** c = a·b (`nn`) or a·bᵀ (`nt`), row-major: a (m,k), b (k,n) or (n,k). Only `nt` takes a bias and an activation. */
export function product(
  kind: 'nn' | 'nt',
  a: Tensor,
  b: Tensor,
  c: Tensor,
  sizes: ProductSizes,
  epilogue: Epilogue = {},
  choice: Choice = choose(a.device, tunableProducts[kind], sizes),
): void {
  const { device } = a;
  const { m, n, k } = sizes;
  const call = { entry: `matmul_${kind}`, params: { m, n, k, depth: 0 }, flops: 2 * m * n * k };
  const finish = { BIAS: epilogue.bias !== undefined, ACTIVATION: activationNumber(epilogue.activation) };
  const bias = epilogue.bias?.slice ?? device.zeros;
  const operands = { a: a.slice, b: b.slice };
  if (choice.shader === 'matmul_matrix') {
    const [rows, columns] = matrixBlock(choice);
    device.dispatch({
      ...call,
      shader: choice.shader,
      constants: { ...choice.values, ...finish },
      bindings: { ...operands, c: c.slice, bias },
      grid: [Math.ceil(n / columns), ...linearGrid(device, m, rows)],
    });
  } else if (choice.shader === 'matmul_portable') {
    const { THREADS, PER } = choice.values as Values<'THREADS' | 'PER'>;
    device.dispatch({
      ...call,
      shader: choice.shader,
      constants: { ...choice.values, ...finish },
      bindings: { ...operands, c: c.slice, bias },
      grid: [Math.ceil(n / (THREADS * PER)), ...linearGrid(device, m, THREADS * PER)],
    });
  } else {
    const { SG, SUBGROUPS, LANE_ROWS, COLUMNS } = choice.values as Values<'SG' | 'SUBGROUPS' | 'LANE_ROWS' | 'COLUMNS'>;
    const [across, z] = linearGrid(device, m, LANE_ROWS * SG * SUBGROUPS);
    device.dispatch({
      ...call,
      shader,
      constants: { ...choice.values, ...(kind === 'nt' ? finish : {}) },
      bindings: kind === 'nt' ? { ...operands, c_scalar: c.slice, bias } : { ...operands, c: c.slice },
      grid: [across, Math.ceil(n / COLUMNS), z],
    });
  }
}

/**
 * c (m,n) = aᵀ·b over k, row-major: a (k,m), b (k,n). Weight gradients are such products, with small m and n and a k as long
 * as the batch has rows, which is cut into splits for that.
 */
export function productOfTransposed(
  a: Tensor,
  b: Tensor,
  c: Tensor,
  sizes: ProductSizes,
  choice: Choice = choose(a.device, tunableProducts.tn, sizes),
): void {
  const { device } = a;
  const { m, n, k } = sizes;
  const { workgroups, ...constants } = choice.values;
  const subgroups = choice.shader === shader;
  const matrices = choice.shader === 'matmul_matrix';
  // Cut for the default block, so that blocks of other sizes add in the same order.
  const blocks = matrices
    ? Math.ceil(n / 64) * Math.ceil(m / 128)
    : subgroups
      ? Math.ceil(n / 4 / device.subgroupSize) * Math.ceil(m / 16)
      : Math.ceil(n / 32) * Math.ceil(m / 32);
  const depth = Math.ceil(k / splitCount(blocks, k, LEAST_DEPTH, workgroups));
  const splits = Math.ceil(k / depth);
  const { SG, SUBGROUPS, ROWS, THREADS, PER } = choice.values as Values<
    'SG' | 'SUBGROUPS' | 'ROWS' | 'THREADS' | 'PER'
  >;
  const [down, across] = matrices
    ? matrixBlock(choice)
    : subgroups
      ? [ROWS, 4 * SG * SUBGROUPS]
      : [THREADS * PER, THREADS * PER];
  sumOfParts(c, splits, parts => {
    device.dispatch({
      shader: choice.shader,
      entry: 'matmul_tn',
      constants,
      bindings: { a: a.slice, b: b.slice, c: parts.slice, ...(subgroups ? {} : { bias: device.zeros }) },
      params: { m, n, k, depth },
      flops: 2 * m * n * k,
      grid: [Math.ceil(n / across), Math.ceil(m / down), splits],
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
  const back: Node['backward'] = (dy, [needX, needW, needBias]) => {
    const g = activation ? activationBackward(activation, y, dy) : dy;
    let dx: Tensor | undefined;
    let dw: Tensor | undefined;
    let dbias: Tensor | undefined;
    if (needX) product('nn', g, weight, (dx = gradientFor(x)), { m: n, n: i, k: o });
    if (needW) productOfTransposed(g, x, (dw = gradientFor(weight)), { m: o, n: i, k: n });
    if (needBias) sumInto(g, [0], (dbias = gradientFor(bias!)));
    if (activation) g.dispose();
    return [dx, dw, dbias];
  };
  return record('linear', inputs, y, back, { activation });
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
