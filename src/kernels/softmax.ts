import { record, Tensor } from '../tensor/index.js';
import { WORKGROUP } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';

function launch(log: boolean, x: Tensor): Tensor {
  const op = log ? 'log_softmax' : 'softmax';
  requireShape(x.shape.length === 2, op, 'takes (N,K)', x);
  const [n, k] = x.shape as [number, number];
  const device = x.device;
  const call = {
    shader: 'softmax',
    constants: { LOG: log },
    params: { n, k },
    grid: [Math.ceil(n / WORKGROUP)] as const,
  };
  const y = Tensor.empty(x.shape, { device });
  device.dispatch({ ...call, entry: 'softmax_forward', bindings: { x: x.slice, y: y.slice } });
  return record(op, [x], y, dy => {
    const dx = Tensor.empty(x.shape, { device });
    device.dispatch({
      ...call,
      entry: 'softmax_backward',
      bindings: { y_in: y.slice, dx: dx.slice, dy: dy.slice },
    });
    return [dx];
  });
}

/** Softmax of (N,K) over its last dimension. */
export const softmax = (x: Tensor): Tensor => launch(false, x);

/** Logarithm of the softmax of (N,K) over its last dimension. */
export const logSoftmax = (x: Tensor): Tensor => launch(true, x);

export const softmaxOp: OpDefinition = { shader: 'softmax', inputs: ['input'], run: ({ input }) => softmax(input!) };

export const logSoftmaxOp: OpDefinition = {
  shader: 'softmax',
  inputs: ['input'],
  run: ({ input }) => logSoftmax(input!),
};
