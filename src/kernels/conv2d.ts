import { gradientFor, record, Tensor, type Node } from '../tensor/index.js';
import type { OutputActivation } from './activation.js';
import type { Convolution } from './conv2d_kernels.js';
import { kernelsOf, tunableConvolution } from './conv2d_tuning.js';
import { pair, requireInteger, requireShape, ShapeError, type OpDefinition, type Pair } from './op.js';
import { activationBackward } from './pointwise.js';
import { sumInto } from './reduce.js';
import { choose } from './tuning/choice.js';

/** Options of `conv2d` in pixels, one number or (height, width), those of torch.nn.functional.conv2d. */
export interface Conv2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  /** Ends in this activation, in the same kernel. */
  readonly activation?: OutputActivation | undefined;
}

/** Output sizes: floor((size + 2·padding − dilation·(kernel − 1) − 1)/stride) + 1, as torch.nn.Conv2d. */
function outputSize(size: number, kernel: number, stride: number, padding: number, dilation: number): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/**
 * Convolution of x (N,C,H,W) with weight (O,C/groups,KH,KW), plus bias (O), then an activation where asked: (N,O,OH,OW), as
 * torch.nn.functional.conv2d.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, activation } = options;
  requireInteger('conv2d', 'stride', stride, 1);
  requireInteger('conv2d', 'padding', padding, 0);
  requireInteger('conv2d', 'dilation', dilation, 1);
  requireInteger('conv2d', 'groups', groups, 1);
  requireShape(
    x.shape.length === 4 && weight.shape.length === 4,
    'conv2d',
    'takes an input (N,C,H,W) and a weight (O,C/groups,KH,KW)',
    x,
    weight,
  );
  const [n, channels, h, w] = x.shape as [number, number, number, number];
  const [outputs, c, kh, kw] = weight.shape as [number, number, number, number];
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw new ShapeError(
      `conv2d: ${groups} groups do not divide both the ${channels} channels of the input and the ${outputs} of the output`,
    );
  }
  requireShape(
    channels === c * groups,
    'conv2d',
    groups === 1
      ? 'takes an input (N,C,H,W) and a weight (O,C,KH,KW) with the same C'
      : `takes, for ${groups} groups and ${channels} channels, a weight (O,${channels / groups},KH,KW)`,
    x,
    weight,
  );
  if (bias)
    requireShape(
      bias.shape.length === 1 && bias.shape[0] === outputs,
      'conv2d',
      `takes a bias of shape (${outputs})`,
      bias,
    );
  const [strideH, strideW] = pair(stride);
  const [padH, padW] = pair(padding);
  const [dilationH, dilationW] = pair(dilation);
  const oh = outputSize(h, kh, strideH, padH, dilationH);
  const ow = outputSize(w, kw, strideW, padW, dilationW);
  if (oh < 1 || ow < 1) {
    const least = [dilationH * (kh - 1) + 1 - 2 * padH, dilationW * (kw - 1) + 1 - 2 * padW];
    throw new ShapeError(
      `conv2d: an input of ${h}x${w} is too small for this kernel; it needs ${least.join('x')} or more`,
    );
  }
  const o = outputs / groups;
  const call: Convolution = {
    ...{ x, weight, bias, activation },
    sizes: {
      ...{ n, h, w, c, oh, ow, o, kh, kw, groups },
      ...{ stride_h: strideH, stride_w: strideW, pad_h: padH, pad_w: padW },
      ...{ dilation_h: dilationH, dilation_w: dilationW },
    },
  };
  const choiceOf = (pass: keyof typeof tunableConvolution) => choose(x.device, tunableConvolution[pass], call.sizes);
  const forward = choiceOf('forward');
  const y = Tensor.empty([n, outputs, oh, ow], { device: x.device });
  kernelsOf(forward).forward(forward, call, y);
  const attributes = {
    ...{ stride: [strideH, strideW], padding: [padH, padW], dilation: [dilationH, dilationW] },
    ...{ groups, activation },
  };
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const back: Node['backward'] = (dy, [needX, needW, needBias]) => {
    const g = activation ? activationBackward(activation, y, dy) : dy;
    let dx: Tensor | undefined;
    let dw: Tensor | undefined;
    let dbias: Tensor | undefined;
    if (needX) {
      const choice = choiceOf('backwardInput');
      kernelsOf(choice).backwardInput(choice, call, g, (dx = gradientFor(x)));
    }
    if (needW) {
      const choice = choiceOf('backwardWeight');
      kernelsOf(choice).backwardWeight(choice, call, g, (dw = gradientFor(weight)));
    }
    if (needBias) sumInto(g, [0, 2, 3], (dbias = gradientFor(bias!)));
    if (activation) g.dispose();
    return [dx, dw, dbias];
  };
  return record('conv2d', inputs, y, back, attributes);
}

export const conv2dOp: OpDefinition = {
  shader: 'conv2d',
  inputs: ['input', 'weight', 'bias?'],
  run: ({ input, weight, bias }, params) => conv2d(input!, weight!, bias, params),
};
