import { record, Tensor } from '../tensor/index.js';
import { linearGrid, vec4s } from './grid.js';
import type { OpDefinition } from './op.js';

/** Numbers of the tables in pointwise.wgsl. */
const OPS = { relu: 0, neg: 1, exp: 2, log: 3, sqrt: 4, abs: 5, square: 6 } as const;

export type PointwiseOp = keyof typeof OPS;

function launchBackward(op: PointwiseOp, x: Tensor, dy: Tensor): Tensor {
  const dx = Tensor.empty(x.shape, { device: x.device });
  const count = vec4s(x);
  x.device.dispatch({
    shader: 'pointwise',
    entry: 'pointwise_backward',
    constants: { OP: OPS[op] },
    bindings: { x: x.slice, dy: dy.slice, y: dx.slice },
    params: { count },
    grid: linearGrid(x.device, count),
  });
  return dx;
}

/** y = op(x), elementwise. */
export function pointwise(op: PointwiseOp, x: Tensor): Tensor {
  const y = Tensor.empty(x.shape, { device: x.device });
  const count = vec4s(x);
  x.device.dispatch({
    shader: 'pointwise',
    entry: 'pointwise_forward',
    constants: { OP: OPS[op] },
    bindings: { x: x.slice, y: y.slice },
    params: { count },
    grid: linearGrid(x.device, count),
  });
  return record(op, [x], y, dy => [launchBackward(op, x, dy)]);
}

/** dy where y > 0, else 0: relu's gradient from its own output, for kernels that end in a relu. */
export function reluBackward(y: Tensor, dy: Tensor): Tensor {
  return launchBackward('relu', y, dy);
}

export const relu = (x: Tensor): Tensor => pointwise('relu', x);

export const pointwiseOps = Object.fromEntries(
  (Object.keys(OPS) as PointwiseOp[]).map((op): [PointwiseOp, OpDefinition] => [
    op,
    { shader: 'pointwise', inputs: ['input'], run: ({ input }) => pointwise(op, input!) },
  ]),
) as Record<PointwiseOp, OpDefinition>;
