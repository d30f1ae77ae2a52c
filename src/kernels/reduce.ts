import { elementCount, record, sameShape, Tensor } from '../tensor/index.js';
import { physicalAxes, physicalStrides } from '../tensor/layout.js';
import { BLOCK, linearGrid, splitCount, vectorised, WORKGROUP } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';
import { transposeInto } from './transpose.js';
import { bucket, choose, type Choice, type Tunable, type Values } from './tuning/choice.js';
import { OTHER_WORKGROUPS, WORKGROUPS } from './tuning/tiles.js';

interface Axis {
  size: number;
  stride: number;
}

/** Sizes and strides of up to four axes, padded in front, under the names that reduce.wgsl gives them. */
function four(axes: readonly Axis[], prefix: 'o' | 'r'): Record<string, number> {
  const padded = [...new Array<Axis>(4 - axes.length).fill({ size: 1, stride: 0 }), ...axes];
  const fields: Record<string, number> = {};
  padded.forEach(({ size, stride }, i) => {
    if (i > 0) fields[`${prefix}${i}`] = size;
    fields[`${prefix}s${i}`] = stride;
  });
  return fields;
}

const count = (axes: readonly Axis[]): number => elementCount(axes.map(axis => axis.size));

function normalisedAxes(x: Tensor, axes: readonly number[], op: string): number[] {
  const rank = x.shape.length;
  const normalised = axes.map(axis => (axis < 0 ? axis + rank : axis));
  requireShape(
    normalised.every(axis => Number.isInteger(axis) && axis >= 0 && axis < rank) &&
      new Set(normalised).size === normalised.length,
    op,
    `axes must be distinct and within the ${rank} dimensions, not [${axes.join(', ')}]`,
    x,
  );
  requireShape(rank <= 4, op, 'takes at most four dimensions', x);
  return normalised;
}

/** A sum over `axes` (logical) of a tensor. */
interface SumSizes {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
}

/** The kept and the summed axes in memory order, their strides counted in the elements that the kernel reads. */
function axesInMemory({ shape, axes }: SumSizes): {
  kept: Axis[];
  summed: Axis[];
  lanes: number;
  alias: { V: string };
} {
  const strides = physicalStrides(shape);
  const inMemory = physicalAxes(shape.length).map(axis => ({ axis, size: shape[axis]!, stride: strides[axis]! }));
  let kept: Axis[] = inMemory.filter(({ axis }) => !axes.includes(axis));
  let summed: Axis[] = inMemory.filter(({ axis }) => axes.includes(axis));
  const last = inMemory.at(-1);
  const innermost = last && !axes.includes(last.axis) ? last.size : 1;
  const { lanes, alias } = vectorised(innermost);
  if (lanes > 1) {
    kept = kept.map(({ size, stride }, i) => ({
      size: i === kept.length - 1 ? size / lanes : size,
      stride: i === kept.length - 1 ? 1 : stride / lanes,
    }));
    summed = summed.map(({ size, stride }) => ({ size, stride: stride / lanes }));
  }
  return { kept, summed, lanes, alias };
}

function sumChoice(workgroup: number, workgroups: number): Choice {
  return {
    shader: 'reduce',
    values: { WORKGROUP: workgroup, workgroups },
    order: `cut for ${workgroups}`,
  };
}

const STANDARD_SUM = sumChoice(WORKGROUP, WORKGROUPS);
const SUMS = [WORKGROUPS, ...OTHER_WORKGROUPS].flatMap(count => [64, 128, 256].map(size => sumChoice(size, count)));

export const tunableSum: Tunable<SumSizes> = {
  name: 'reduce_sum',
  shapeClass: sizes => {
    const { kept, summed, lanes } = axesInMemory(sizes);
    return `${bucket(count(summed))} into ${bucket(count(kept))}${lanes > 1 ? '' : ' scalar'}`;
  },
  standard: () => STANDARD_SUM,
  candidates: () => SUMS,
  work: ({ shape }) => elementCount(shape),
  operands: ({ shape }) => [shape],
  result: ({ shape, axes }) => [elementCount(shape.filter((_, axis) => !axes.includes(axis)))],
  launch: (choice, { axes }, [x], y) => {
    sumInto(x!, axes, y, 1, choice);
  },
};

/**
 * y = scale · Σ x over `axes` (logical), written into `y`, whose elements must lie in memory as the kept axes of x do: the
 * same shape with summed sizes 1 or dropped.
 */
export function sumInto(
  x: Tensor,
  axes: readonly number[],
  y: Tensor,
  scale = 1,
  choice: Choice = choose(x.device, tunableSum, { shape: x.shape, axes }),
): void {
  const { device } = x;
  const { kept, summed, lanes, alias } = axesInMemory({ shape: x.shape, axes });
  const { WORKGROUP: workgroup, workgroups } = choice.values as Values<'WORKGROUP' | 'workgroups'>;
  const results = count(kept);
  const positions = count(summed);
  const splits = splitCount(Math.ceil(results / WORKGROUP), positions, 64, workgroups);
  const chunk = Math.ceil(positions / splits);
  const used = Math.ceil(positions / chunk);
  const parts = used > 1 ? Tensor.empty([used, results * lanes], { device }) : y;
  device.dispatch({
    shader: 'reduce',
    entry: 'reduce_sum',
    constants: { ...alias, WORKGROUP: workgroup },
    bindings: { x: x.slice, y: parts.slice },
    params: { results, positions, chunk, ...four(kept, 'o'), ...four(summed, 'r'), scale: used > 1 ? 1 : scale },
    grid: [Math.ceil(results / workgroup), 1, used],
  });
  if (used > 1) {
    sumInto(parts, [0], y, scale);
    parts.dispose();
  }
}

/**
 * Has `launch` write `splits` parts of `result`, each of its size, and adds them in a fixed order; a single part is
 * `result` itself.
 */
export function sumOfParts(result: Tensor, splits: number, launch: (parts: Tensor) => void): void {
  if (splits === 1) {
    launch(result);
    return;
  }
  const parts = Tensor.empty([splits, result.size], { device: result.device });
  launch(parts);
  sumInto(parts, [0], result);
  parts.dispose();
}

/** The shape of a sum over `axes`. */
function summedShape(shape: readonly number[], axes: readonly number[], keepdim: boolean): number[] {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepdim ? [1] : []) : [size]));
}

function reduction(op: 'sum' | 'mean', x: Tensor, axes?: readonly number[], keepdim = false): Tensor {
  const over = normalisedAxes(x, axes ?? x.shape.map((_, axis) => axis), op);
  const shape = summedShape(x.shape, over, keepdim);
  const factor = op === 'mean' ? 1 / elementCount(over.map(axis => x.shape[axis]!)) : 1;
  const y = summed(x, over, shape, factor);
  return record(op, [x], y, dy => [expand(dy, x, over, factor)], { axes: over, keepdim });
}

/** scale · Σ x over `axes`, as a new tensor of `shape`: x's with the summed sizes 1 or dropped. */
function summed(x: Tensor, axes: readonly number[], shape: readonly number[], scale = 1): Tensor {
  const y = Tensor.empty(shape, { device: x.device });
  if (shape.length === 4 || keepsOrder(x.shape.length, axes)) {
    sumInto(x, axes, y, scale);
    return y;
  }
  // Fewer dimensions lie row-major, channels outside pixels; the sum leaves the channels innermost.
  const sizes = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const [n, c, h, w] = sizes as [number, number, number, number];
  const inside = Tensor.empty([y.size], { device: x.device });
  sumInto(x, axes, inside, scale);
  transposeInto(inside, y, n, h * w, c);
  inside.dispose();
  return y;
}

/** Whether dropping `axes` leaves the remaining ones in logical order in memory. */
function keepsOrder(rank: number, axes: readonly number[]): boolean {
  const left = physicalAxes(rank).filter(axis => !axes.includes(axis));
  return left.length === rank || left.every((axis, i) => i === 0 || axis > left[i - 1]!);
}

function rowMajorStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

/** factor · dy, repeated along `axes` to the shape of `x`. */
function expand(dy: Tensor, x: Tensor, axes: readonly number[], factor: number): Tensor {
  const dx = Tensor.empty(x.shape, { device: x.device });
  const order = physicalAxes(x.shape.length);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const strides = dy.shape.length === x.shape.length ? physicalStrides(kept) : rowMajorStrides(kept);
  const laid: Axis[] = order.map(axis => ({ size: x.shape[axis]!, stride: axes.includes(axis) ? 0 : strides[axis]! }));
  const last = laid.at(-1);
  const { lanes, alias } = vectorised(last?.stride === 1 ? last.size : 1);
  const axesInV = laid.map(({ size, stride }, i) =>
    i === laid.length - 1 && lanes > 1 ? { size: size / lanes, stride: 1 } : { size, stride: stride / lanes },
  );
  const along = axesInV.at(-2)?.size ?? 1;
  const results = (count(axesInV) / along) * Math.ceil(along / BLOCK);
  x.device.dispatch({
    shader: 'reduce',
    entry: 'reduce_sum_backward',
    constants: { ...alias, BLOCK },
    bindings: { dy: dy.slice, dx: dx.slice },
    params: { results, positions: 0, chunk: 0, ...four(axesInV, 'o'), ...four([], 'r'), scale: factor },
    grid: linearGrid(x.device, results),
  });
  return dx;
}

/** Sum over `axes` (all by default), as torch.sum. */
export const sum = (x: Tensor, axes?: readonly number[], keepdim = false): Tensor => reduction('sum', x, axes, keepdim);

/** Mean over `axes` (all by default), as torch.mean. */
export const mean = (x: Tensor, axes?: readonly number[], keepdim = false): Tensor =>
  reduction('mean', x, axes, keepdim);

/** The gradient of a broadcast: `x` summed down to `shape`; a tensor of its own in every case. */
export function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(x.shape, shape)) return x.alias();
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < missing || (shape[axis - missing] === 1 && size > 1) ? [axis] : [],
  );
  return summed(x, axes, shape);
}

const axesOf = (params: Readonly<Record<string, unknown>>) => params.axes as number[] | undefined;

export const sumOp: OpDefinition = {
  shader: 'reduce',
  inputs: ['input'],
  run: ({ input }, params) => sum(input!, axesOf(params), params.keepdim === true),
};

export const meanOp: OpDefinition = {
  shader: 'reduce',
  inputs: ['input'],
  run: ({ input }, params) => mean(input!, axesOf(params), params.keepdim === true),
};
