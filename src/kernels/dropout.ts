import { defaultGenerator, record, Tensor, type Generator } from '../tensor/index.js';
import { linearGrid, vec4s } from './grid.js';
import { ShapeError, type OpDefinition } from './op.js';

/**
 * Zeroes each element with `probability` and scales the others by 1/(1 − probability), as torch.nn.functional.dropout in
 * training. The mask depends on the generator's seed and on which of its draws this is, on nothing else.
 */
export function dropout(x: Tensor, probability: number, generator: Generator = defaultGenerator()): Tensor {
  if (!(probability >= 0 && probability <= 1)) {
    throw new ShapeError(`dropout: the probability is from 0 to 1, not ${probability}`);
  }
  if (probability === 0) return x;
  const device = x.device;
  // The draw changes at every step, so it goes through a buffer (Device.dispatch: params never hold such a value).
  const key = Tensor.empty([2], { device, dtype: 'u32' });
  device.write(key.slice, new Uint32Array([generator.seed, generator.next()]));
  const launch = (from: Tensor): Tensor => {
    const to = Tensor.empty(from.shape, { device });
    const count = vec4s(from);
    if (probability === 1) {
      device.clear(to.slice);
    } else {
      device.dispatch({
        shader: 'dropout',
        entry: 'dropout',
        bindings: { x: from.slice, key: key.slice, y: to.slice },
        params: { count, probability },
        grid: linearGrid(device, count),
      });
    }
    return to;
  };
  return record('dropout', [x], launch(x), dy => [launch(dy)]);
}

export const dropoutOp: OpDefinition = {
  shader: 'dropout',
  inputs: ['input'],
  run: ({ input }, params) => dropout(input!, params.p as number),
};
