import { record, Tensor } from '../tensor/index.js';
import { NotImplementedError } from '../util/errors.js';
import { BLOCK, blockJobs, linearGrid, vectorised } from './grid.js';
import { pair, requireInteger, requireShape, type OpDefinition, type Pair } from './op.js';

/**
 * x (N,C,H,W) resized to `size` (height, width), as torch.nn.functional.interpolate with mode 'bilinear' and align_corners
 * false; no antialiasing in either direction.
 */
export function interpolateBilinear(x: Tensor, size: Pair): Tensor {
  requireInteger('interpolate_bilinear', 'size', size, 1);
  requireShape(x.shape.length === 4, 'interpolate_bilinear', 'takes an input (N,C,H,W)', x);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [oh, ow] = pair(size);
  if (oh === h && ow === w) return x;
  const device = x.device;
  const { lanes, alias } = vectorised(c);
  const call = { shader: 'interpolate', constants: { ...alias, BLOCK }, params: { n, h, w, c: c / lanes, oh, ow } };
  const y = Tensor.empty([n, c, oh, ow], { device });
  device.dispatch({
    ...call,
    entry: 'interpolate_bilinear_forward',
    bindings: { x: x.slice, y: y.slice },
    grid: linearGrid(device, blockJobs(n * oh, ow, c / lanes)),
  });
  return record('interpolate_bilinear', [x], y, dy => {
    const dx = Tensor.empty(x.shape, { device });
    device.dispatch({
      ...call,
      entry: 'interpolate_bilinear_backward',
      bindings: { dy: dy.slice, dx: dx.slice },
      grid: linearGrid(device, blockJobs(n * h, w, c / lanes)),
    });
    return [dx];
  });
}

export const interpolateBilinearOp: OpDefinition = {
  shader: 'interpolate',
  inputs: ['input'],
  run: ({ input }, params) => {
    if (params.align_corners === true) {
      throw new NotImplementedError('interpolate_bilinear: align_corners is not implemented; only false is');
    }
    return interpolateBilinear(input!, params.size as Pair);
  },
};
