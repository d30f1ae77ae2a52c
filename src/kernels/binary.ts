import { record, registerTapeKernels, sameShape, Tensor } from '../tensor/index.js';
import { physicalAxes, physicalStrides } from '../tensor/layout.js';
import { BLOCK, linearGrid, vec4s, vectorised } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';
import { pointwise } from './pointwise.js';
import { sumTo } from './reduce.js';
import { scaleChannelsBackward, scalesChannels } from './scale_channels.js';

/** Numbers of the operations in binary.wgsl. */
const OPS = { add: 0, sub: 1, mul: 2, div: 3 } as const;

/** Name of an operation on two tensors. */
export type BinaryOp = keyof typeof OPS;

const NO_STRIDES = { d1: 0, d2: 0, d3: 0, a0: 0, a1: 0, a2: 0, a3: 0, b0: 0, b1: 0, b2: 0, b3: 0 };

/** NumPy's broadcast of two shapes, or undefined when they do not fit. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const u = a[a.length - rank + i] ?? 1;
    const v = b[b.length - rank + i] ?? 1;
    if (u !== v && u !== 1 && v !== 1) return undefined;
    shape.push(Math.max(u, v));
  }
  return shape;
}

interface BroadcastAxis {
  size: number;
  a: number;
  b: number;
}

/** Strides of `shape` under a broadcast result, in the result's memory order; 0 where it is repeated. */
function broadcastStrides(shape: readonly number[], result: readonly number[]): number[] {
  const own = physicalStrides(shape);
  const missing = result.length - shape.length;
  const logical = result.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing]!));
  return physicalAxes(result.length).map(axis => logical[axis]!);
}

/** The result's axes in memory order, neighbours merged where both operands walk them in one stride. */
function broadcastAxes(a: readonly number[], b: readonly number[], result: readonly number[]): BroadcastAxis[] {
  const [strideA, strideB] = [broadcastStrides(a, result), broadcastStrides(b, result)];
  const merged: BroadcastAxis[] = [];
  physicalAxes(result.length).forEach((axis, i) => {
    const next = { size: result[axis]!, a: strideA[i]!, b: strideB[i]! };
    const last = merged.at(-1);
    if (next.size === 1) return;
    if (last && last.a === next.a * next.size && last.b === next.b * next.size) {
      merged[merged.length - 1] = { ...next, size: last.size * next.size };
    } else {
      merged.push(next);
    }
  });
  return merged;
}

/** The raw launch of `op`, outside the tape. */
function launch(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const device = a.device;
  const shape = broadcastShapes(a.shape, b.shape);
  requireShape(shape !== undefined, op, 'shapes must be equal or broadcast (sizes equal or 1, from the last)', a, b);
  requireShape(shape.length <= 4, op, 'takes at most four dimensions', a, b);
  const c = Tensor.empty(shape, { device });
  if (sameShape(a.shape, b.shape)) {
    const count = vec4s(c);
    device.dispatch({
      shader: 'binary',
      entry: 'binary_same',
      constants: { OP: OPS[op] },
      bindings: { a: a.slice, b: b.slice, c: c.slice },
      params: { ...NO_STRIDES, count, factor: 0 },
      grid: linearGrid(device, count),
    });
    return c;
  }
  const axes = broadcastAxes(a.shape, b.shape, shape);
  const innermost = axes.at(-1) ?? { size: 1, a: 0, b: 0 };
  // A tensor of fewer dimensions lies row-major, so that its innermost one need not be the result's.
  const side = (axis: 'a' | 'b') =>
    innermost[axis] === 0 || (innermost[axis] === 1 && axes.slice(0, -1).every(other => other[axis] % 4 === 0));
  const { lanes, alias } = vectorised(side('a') && side('b') ? innermost.size : 1);
  const [A_ONE, B_ONE] = [innermost.a === 0, innermost.b === 0];
  const inV = axes.map(({ size, a, b }, i) => ({
    size: i === axes.length - 1 ? size / lanes : size,
    a: A_ONE || i === axes.length - 1 ? a : a / lanes,
    b: B_ONE || i === axes.length - 1 ? b : b / lanes,
  }));
  const fields = [...new Array<BroadcastAxis>(4 - axes.length).fill({ size: 1, a: 0, b: 0 }), ...inV];
  const [f0, f1, f2, f3] = fields as [BroadcastAxis, BroadcastAxis, BroadcastAxis, BroadcastAxis];
  const count = f0.size * f1.size * Math.ceil(f2.size / BLOCK) * f3.size;
  device.dispatch({
    shader: 'binary',
    entry: 'binary_broadcast',
    constants: { OP: OPS[op], ...alias, BLOCK, A_ONE, B_ONE },
    bindings: { a_any: a.slice, a_one: a.slice, b_any: b.slice, b_one: b.slice, c_any: c.slice },
    params: {
      ...{ count, d1: f1.size, d2: f2.size, d3: f3.size, factor: 0 },
      ...{ a0: f0.a, a1: f1.a, a2: f2.a, a3: f3.a, b0: f0.b, b1: f1.b, b2: f2.b, b3: f3.b },
    },
    grid: linearGrid(device, count),
  });
  return c;
}

/** c = op(a, b), elementwise with NumPy's broadcasting; at most four dimensions. */
export function binary(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const c = launch(op, a, b);
  return record(op, [a, b], c, (dy, [needA, needB]) => {
    if (op === 'mul' && needA && needB) {
      if (scalesChannels(a, b)) return scaleChannelsBackward(a, b, dy);
      if (scalesChannels(b, a)) return scaleChannelsBackward(b, a, dy).reverse();
    }
    let da: Tensor | undefined;
    let db: Tensor | undefined;
    switch (op) {
      case 'add':
        da = needA ? sumTo(dy, a.shape) : undefined;
        db = needB ? sumTo(dy, b.shape) : undefined;
        break;
      case 'sub':
        da = needA ? sumTo(dy, a.shape) : undefined;
        db = needB ? pointwise('neg', sumTo(dy, b.shape)) : undefined;
        break;
      case 'mul':
        da = needA ? sumTo(launch('mul', dy, b), a.shape) : undefined;
        db = needB ? sumTo(launch('mul', dy, a), b.shape) : undefined;
        break;
      case 'div':
        da = needA ? sumTo(launch('div', dy, b), a.shape) : undefined;
        // d(a/b)/db = −(a/b)/b
        db = needB ? pointwise('neg', sumTo(launch('div', launch('mul', dy, c), b), b.shape)) : undefined;
        break;
    }
    return [da, db];
  });
}

/**
 * a + b, element by element. Shapes broadcast as in NumPy.
 * @throws ShapeError where they do not
 */
export const add = (a: Tensor, b: Tensor): Tensor => binary('add', a, b);
/**
 * a − b, element by element. Shapes broadcast as in NumPy.
 * @throws ShapeError where they do not
 */
export const sub = (a: Tensor, b: Tensor): Tensor => binary('sub', a, b);
/**
 * a · b, element by element. Shapes broadcast as in NumPy.
 * @throws ShapeError where they do not
 */
export const mul = (a: Tensor, b: Tensor): Tensor => binary('mul', a, b);
/**
 * a / b, element by element. Shapes broadcast as in NumPy.
 * @throws ShapeError where they do not
 */
export const div = (a: Tensor, b: Tensor): Tensor => binary('div', a, b);

function launchScale(x: Tensor, factor: number): Tensor {
  const y = Tensor.empty(x.shape, { device: x.device });
  const count = vec4s(x);
  x.device.dispatch({
    shader: 'binary',
    entry: 'scale',
    bindings: { a: x.slice, c: y.slice },
    params: { ...NO_STRIDES, count, factor },
    grid: linearGrid(x.device, count),
  });
  return y;
}

/** y = x · factor, for a factor that does not change from step to step. */
export function scale(x: Tensor, factor: number): Tensor {
  return record('scale', [x], launchScale(x, factor), dy => [launchScale(dy, factor)], { factor });
}

/** into += value, elementwise. */
export function accumulate(into: Tensor, value: Tensor): void {
  requireShape(sameShape(into.shape, value.shape), 'accumulate', 'takes equal shapes', into, value);
  const count = vec4s(into);
  into.device.dispatch({
    shader: 'binary',
    entry: 'accumulate',
    bindings: { a: value.slice, c: into.slice },
    params: { ...NO_STRIDES, count, factor: 0 },
    grid: linearGrid(into.device, count),
  });
}

registerTapeKernels({ accumulate });

export const binaryOps = Object.fromEntries(
  (Object.keys(OPS) as BinaryOp[]).map((op): [BinaryOp, OpDefinition] => [
    op,
    { shader: 'binary', inputs: ['a', 'b'], run: ({ a, b }) => binary(op, a!, b!) },
  ]),
) as Record<BinaryOp, OpDefinition>;
