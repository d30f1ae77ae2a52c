import { record, registerTapeKernels, sameShape, Tensor } from '../tensor/index.js';
import { physicalAxes, physicalStrides } from '../tensor/layout.js';
import { linearGrid, vec4s } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';
import { pointwise } from './pointwise.js';
import { sumTo } from './reduce.js';

/** Numbers of the operations in binary.wgsl. */
const OPS = { add: 0, sub: 1, mul: 2, div: 3 } as const;

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

/** Strides of `shape` under a broadcast result, in the result's memory order, padded in front to four. */
function broadcastStrides(shape: readonly number[], result: readonly number[]): number[] {
  const own = physicalStrides(shape);
  const missing = result.length - shape.length;
  const logical = result.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : own[axis - missing]!));
  const inMemory = physicalAxes(result.length).map(axis => logical[axis]!);
  return [...new Array<number>(4 - inMemory.length).fill(0), ...inMemory];
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
  const sizes = physicalAxes(shape.length).map(axis => shape[axis]!);
  const [, d1, d2, d3] = [...new Array<number>(4 - sizes.length).fill(1), ...sizes] as [number, number, number, number];
  const [a0, a1, a2, a3] = broadcastStrides(a.shape, shape) as [number, number, number, number];
  const [b0, b1, b2, b3] = broadcastStrides(b.shape, shape) as [number, number, number, number];
  device.dispatch({
    shader: 'binary',
    entry: 'binary_broadcast',
    constants: { OP: OPS[op] },
    bindings: { a_scalar: a.slice, b_scalar: b.slice, c_scalar: c.slice },
    params: { count: c.size, d1, d2, d3, a0, a1, a2, a3, b0, b1, b2, b3, factor: 0 },
    grid: linearGrid(device, c.size),
  });
  return c;
}

/** c = op(a, b), elementwise with NumPy's broadcasting; at most four dimensions. */
export function binary(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const c = launch(op, a, b);
  return record(op, [a, b], c, (dy, [needA, needB]) => {
    let da: Tensor | undefined;
    let db: Tensor | undefined;
    switch (op) {
      case 'add':
        da = needA ? sumTo(dy, a.shape) : undefined;
        db = needB ? sumTo(dy, b.shape) : undefined;
        break;
      case 'sub':
        da = needA ? sumTo(dy, a.shape) : undefined;
        db = needB ? sumTo(pointwise('neg', dy), b.shape) : undefined;
        break;
      case 'mul':
        da = needA ? sumTo(launch('mul', dy, b), a.shape) : undefined;
        db = needB ? sumTo(launch('mul', dy, a), b.shape) : undefined;
        break;
      case 'div':
        da = needA ? sumTo(launch('div', dy, b), a.shape) : undefined;
        // d(a/b)/db = −(a/b)/b
        db = needB ? sumTo(pointwise('neg', launch('div', launch('mul', dy, c), b)), b.shape) : undefined;
        break;
    }
    return [da, db];
  });
}

export const add = (a: Tensor, b: Tensor): Tensor => binary('add', a, b);
export const sub = (a: Tensor, b: Tensor): Tensor => binary('sub', a, b);
export const mul = (a: Tensor, b: Tensor): Tensor => binary('mul', a, b);
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
  return record('scale', [x], launchScale(x, factor), dy => [launchScale(dy, factor)]);
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
