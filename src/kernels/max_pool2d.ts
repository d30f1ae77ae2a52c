import { record, Tensor, type Node } from '../tensor/index.js';
import { BLOCK, blockJobs, linearGrid, vectorised } from './grid.js';
import { pair, requireInteger, requireShape, ShapeError, type OpDefinition, type Pair } from './op.js';

/** Options of pooling in pixels, one number or (height, width), those of torch.nn.MaxPool2d. */
export interface PoolOptions {
  /** The kernel's size by default. */
  readonly stride?: Pair | undefined;
  readonly padding?: Pair | undefined;
}

/** Maximum over kernel windows of x (N,C,H,W), as torch.nn.functional.max_pool2d: (N,C,OH,OW). */
export function maxPool2d(x: Tensor, kernel: Pair, options: PoolOptions = {}): Tensor {
  const { stride = kernel, padding = 0 } = options;
  requireInteger('max_pool2d', 'kernel', kernel, 1);
  requireInteger('max_pool2d', 'stride', stride, 1);
  requireInteger('max_pool2d', 'padding', padding, 0);
  requireShape(x.shape.length === 4, 'max_pool2d', 'takes an input (N,C,H,W)', x);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [kh, kw] = pair(kernel);
  const [strideH, strideW] = pair(stride);
  const [padH, padW] = pair(padding);
  if (padH > kh / 2 || padW > kw / 2) {
    throw new ShapeError(`max_pool2d: padding (${padH}, ${padW}) is more than half of the kernel (${kh}, ${kw})`);
  }
  const oh = Math.floor((h + 2 * padH - kh) / strideH) + 1;
  const ow = Math.floor((w + 2 * padW - kw) / strideW) + 1;
  if (oh < 1 || ow < 1) {
    throw new ShapeError(
      `max_pool2d: an input of ${h}x${w} is too small; it needs ${kh - 2 * padH}x${kw - 2 * padW} or more`,
    );
  }
  const device = x.device;
  const { lanes, alias } = vectorised(c);
  const constants = {
    ...{ V: alias.V, I: lanes === 4 ? 'vec4u' : 'u32', BLOCK },
    ...{ KH: kh, KW: kw, STRIDE_H: strideH, STRIDE_W: strideW },
  };
  const params = { n, h, w, c: c / lanes, oh, ow, pad_h: padH, pad_w: padW };
  const y = Tensor.empty([n, c, oh, ow], { device });
  const index = Tensor.empty([n, c, oh, ow], { device, dtype: 'u32' });
  device.dispatch({
    shader: 'max_pool2d',
    entry: 'max_pool2d_forward',
    constants,
    bindings: { x: x.slice, y: y.slice, index: index.slice },
    params,
    grid: linearGrid(device, blockJobs(n * oh, ow, c / lanes)),
  });
  const back: Node['backward'] = dy => {
    const dx = Tensor.empty(x.shape, { device });
    device.dispatch({
      shader: 'max_pool2d',
      entry: 'max_pool2d_backward',
      constants,
      bindings: { dy: dy.slice, chosen: index.slice, dx: dx.slice },
      params,
      grid: linearGrid(device, blockJobs(n * h, w, c / lanes)),
    });
    return [dx];
  };
  const attributes = { kernel: [kh, kw], stride: [strideH, strideW], padding: [padH, padW] };
  return record('max_pool2d', [x], y, back, attributes);
}

export const maxPool2dOp: OpDefinition = {
  shader: 'max_pool2d',
  inputs: ['input'],
  run: ({ input }, params) =>
    maxPool2d(input!, params.kernel as Pair, {
      stride: params.stride as Pair | undefined,
      padding: params.padding as Pair | undefined,
    }),
};
