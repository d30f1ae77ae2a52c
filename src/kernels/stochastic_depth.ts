import { defaultGenerator, record, Tensor, type Generator } from '../tensor/index.js';
import { vectorised, WORKGROUP } from './grid.js';
import { ShapeError, type OpDefinition } from './op.js';

/**
 * Zeroes each sample of x (N, …) as a whole with `probability` and scales the others by 1/(1 − probability), as
 * torchvision.ops.stochastic_depth in training with mode 'row'. Which samples depends on the generator's seed and on which
 * of its draws this is, on nothing else.
 */
export function stochasticDepth(x: Tensor, probability: number, generator: Generator = defaultGenerator()): Tensor {
  if (!(probability >= 0 && probability <= 1)) {
    throw new ShapeError(`stochastic_depth: the probability is from 0 to 1, not ${probability}`);
  }
  if (probability === 0) return x;
  const device = x.device;
  const key = Tensor.empty([2], { device, dtype: 'u32' });
  device.write(key.slice, new Uint32Array([generator.seed, generator.next()]));
  const samples = x.shape[0]!;
  const elements = x.size / samples;
  const { lanes, alias } = vectorised(elements);
  const launch = (from: Tensor): Tensor => {
    const to = Tensor.empty(from.shape, { device });
    if (probability === 1) {
      device.clear(to.slice);
    } else {
      device.dispatch({
        shader: 'stochastic_depth',
        entry: 'stochastic_depth',
        constants: alias,
        bindings: { x: from.slice, key: key.slice, y: to.slice },
        params: { sample: elements / lanes, probability },
        grid: [Math.ceil(elements / lanes / WORKGROUP), samples],
      });
    }
    return to;
  };
  return record('stochastic_depth', [x], launch(x), dy => [launch(dy)]);
}

export const stochasticDepthOp: OpDefinition = {
  shader: 'stochastic_depth',
  inputs: ['input'],
  run: ({ input }, params) => stochasticDepth(input!, params.p as number),
};
