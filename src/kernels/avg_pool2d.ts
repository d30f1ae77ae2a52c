import { record, Tensor, type Node } from '../tensor/index.js';
import { BLOCK, blockJobs, linearGrid, vectorised } from './grid.js';
import type { PoolOptions } from './max_pool2d.js';
import { pair, requireInteger, requireShape, ShapeError, type OpDefinition, type Pair } from './op.js';
import { mean } from './reduce.js';

/** Options of `avgPool2d`, those of torch.nn.AvgPool2d. */
export interface AvgPoolOptions extends PoolOptions {
  /** Zeros of the padding count in the divisor; true by default. */
  readonly countIncludePad?: boolean | undefined;
}

interface Windows {
  readonly output: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly constants: { readonly ADAPTIVE: boolean; readonly INCLUDE_PAD: boolean };
}

function pool(op: string, x: Tensor, { output, kernel, stride, padding, constants }: Windows): Tensor {
  const device = x.device;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [oh, ow] = output;
  const { lanes, alias } = vectorised(c);
  const call = {
    shader: 'avg_pool2d',
    constants: {
      ...{ ...alias, ...constants, BLOCK },
      ...{ KH: kernel[0], KW: kernel[1], STRIDE_H: stride[0], STRIDE_W: stride[1] },
    },
    params: { n, h, w, c: c / lanes, oh, ow, pad_h: padding[0], pad_w: padding[1] },
  };
  const y = Tensor.empty([n, c, oh, ow], { device });
  device.dispatch({
    ...call,
    entry: 'avg_pool2d_forward',
    bindings: { x: x.slice, y: y.slice },
    grid: linearGrid(device, blockJobs(n * oh, ow, c / lanes)),
  });
  const back: Node['backward'] = dy => {
    const dx = Tensor.empty(x.shape, { device });
    device.dispatch({
      ...call,
      entry: 'avg_pool2d_backward',
      bindings: { dy: dy.slice, dx: dx.slice },
      grid: linearGrid(device, blockJobs(n * h, w, c / lanes)),
    });
    return [dx];
  };
  return record(op, [x], y, back, { kernel, stride, padding, countIncludePad: constants.INCLUDE_PAD });
}

/** Mean over kernel windows of x (N,C,H,W), as torch.nn.functional.avg_pool2d: (N,C,OH,OW). */
export function avgPool2d(x: Tensor, kernel: Pair, options: AvgPoolOptions = {}): Tensor {
  const { stride = kernel, padding = 0, countIncludePad = true } = options;
  requireInteger('avg_pool2d', 'kernel', kernel, 1);
  requireInteger('avg_pool2d', 'stride', stride, 1);
  requireInteger('avg_pool2d', 'padding', padding, 0);
  requireShape(x.shape.length === 4, 'avg_pool2d', 'takes an input (N,C,H,W)', x);
  const [, , h, w] = x.shape as [number, number, number, number];
  const [kh, kw] = pair(kernel);
  const [strideH, strideW] = pair(stride);
  const [padH, padW] = pair(padding);
  if (padH > kh / 2 || padW > kw / 2) {
    throw new ShapeError(`avg_pool2d: padding (${padH}, ${padW}) is more than half of the kernel (${kh}, ${kw})`);
  }
  const oh = Math.floor((h + 2 * padH - kh) / strideH) + 1;
  const ow = Math.floor((w + 2 * padW - kw) / strideW) + 1;
  if (oh < 1 || ow < 1) {
    throw new ShapeError(
      `avg_pool2d: an input of ${h}x${w} is too small; it needs ${kh - 2 * padH}x${kw - 2 * padW} or more`,
    );
  }
  return pool('avg_pool2d', x, {
    output: [oh, ow],
    kernel: [kh, kw],
    stride: [strideH, strideW],
    padding: [padH, padW],
    constants: { ADAPTIVE: false, INCLUDE_PAD: countIncludePad },
  });
}

/** Mean over as many bins as `output` asks for, as torch.nn.functional.adaptive_avg_pool2d: (N,C,OH,OW). */
export function adaptiveAvgPool2d(x: Tensor, output: Pair): Tensor {
  requireInteger('adaptive_avg_pool2d', 'output', output, 1);
  requireShape(x.shape.length === 4, 'adaptive_avg_pool2d', 'takes an input (N,C,H,W)', x);
  const [oh, ow] = pair(output);
  // One bin for all pixels: a sum whose parts run side by side, where the pool would walk the image in one invocation.
  if (oh === 1 && ow === 1) return mean(x, [2, 3], true);
  return pool('adaptive_avg_pool2d', x, {
    output: [oh, ow],
    kernel: [1, 1],
    stride: [1, 1],
    padding: [0, 0],
    constants: { ADAPTIVE: true, INCLUDE_PAD: true },
  });
}

/** Mean over all pixels of x (N,C,H,W): (N,C,1,1). */
export const globalAvgPool2d = (x: Tensor): Tensor => adaptiveAvgPool2d(x, 1);

export const avgPool2dOp: OpDefinition = {
  shader: 'avg_pool2d',
  inputs: ['input'],
  run: ({ input }, params) =>
    avgPool2d(input!, params.kernel as Pair, {
      stride: params.stride as Pair | undefined,
      padding: params.padding as Pair | undefined,
      countIncludePad: params.count_include_pad as boolean | undefined,
    }),
};

export const adaptiveAvgPool2dOp: OpDefinition = {
  shader: 'avg_pool2d',
  inputs: ['input'],
  run: ({ input }, params) => adaptiveAvgPool2d(input!, params.output as Pair),
};
