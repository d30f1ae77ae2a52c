import { gradientFor, record, Tensor } from '../tensor/index.js';
import { NotImplementedError } from '../util/errors.js';
import { activationNumber, type OutputActivation } from './activation.js';
import { splitCount, vectorised } from './grid.js';
import { pair, requireInteger, requireShape, ShapeError, type OpDefinition, type Pair } from './op.js';
import { activationBackward } from './pointwise.js';
import { sumInto } from './reduce.js';

export interface Conv2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  /** Ends in this activation, in the same kernel. */
  readonly activation?: OutputActivation | undefined;
}

/** Pixels a lane in conv2d.wgsl, and the block of conv2d_portable.wgsl. */
const PIXELS = 4;
const PORTABLE_TILE = 32;

/** Output sizes: floor((size + 2·padding − dilation·(kernel − 1) − 1)/stride) + 1, as torch.nn.Conv2d. */
function outputSize(size: number, kernel: number, stride: number, padding: number, dilation: number): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Channels of the result that a workgroup does: as many as there are, up to 16. */
function channelTile(channels: number): number {
  return channels > 8 ? 16 : channels > 4 ? 8 : 4;
}

/**
 * Convolution of x (N,C,H,W) with weight (O,C,KH,KW), plus bias (O), then an activation where asked: (N,O,OH,OW), as
 * torch.nn.functional.conv2d.
 * @throws NotImplementedError for groups other than 1
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, activation } = options;
  requireInteger('conv2d', 'stride', stride, 1);
  requireInteger('conv2d', 'padding', padding, 0);
  requireInteger('conv2d', 'dilation', dilation, 1);
  if (groups !== 1) throw new NotImplementedError(`conv2d: groups of ${groups} are not implemented; only 1 is`);
  requireShape(
    x.shape.length === 4 && weight.shape.length === 4 && x.shape[1] === weight.shape[1],
    'conv2d',
    'takes an input (N,C,H,W) and a weight (O,C,KH,KW) with the same C',
    x,
    weight,
  );
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [o, , kh, kw] = weight.shape as [number, number, number, number];
  if (bias)
    requireShape(bias.shape.length === 1 && bias.shape[0] === o, 'conv2d', `takes a bias of shape (${o})`, bias);
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
  const device = x.device;
  const sg = device.subgroupSize >= 4 ? device.subgroupSize : 0;
  const sizes = {
    ...{ n, h, w, c, oh, ow, o, kh, kw },
    ...{ stride_h: strideH, stride_w: strideW, pad_h: padH, pad_w: padW },
    ...{ dilation_h: dilationH, dilation_w: dilationW },
  };
  const aligned = sg > 0 && c % 4 === 0 && o % 4 === 0;

  function forward(): Tensor {
    const y = Tensor.empty([n, o, oh, ow], { device });
    const constants = { BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) };
    const params = { ...sizes, rows: 0 };
    const biasSlice = bias?.slice ?? device.zeros;
    const pixels = n * oh * ow;
    if (sg > 0) {
      const OUT = channelTile(o);
      device.dispatch({
        shader: 'conv2d',
        entry: aligned ? 'conv2d_forward' : 'conv2d_forward_stem',
        constants: { SG: sg, PIXELS, OUT, ...constants },
        bindings: aligned
          ? { x: x.slice, weight: weight.slice, bias: biasSlice, y: y.slice }
          : { x_scalar: x.slice, weight_scalar: weight.slice, bias: biasSlice, y_scalar: y.slice },
        params,
        grid: [Math.ceil(pixels / (PIXELS * sg)), Math.ceil(o / OUT)],
      });
    } else {
      device.dispatch({
        shader: 'conv2d_portable',
        entry: 'conv2d_forward',
        constants,
        bindings: { x: x.slice, weight: weight.slice, bias: biasSlice, y: y.slice },
        params,
        grid: [Math.ceil(o / PORTABLE_TILE), Math.ceil(pixels / PORTABLE_TILE)],
      });
    }
    return y;
  }

  function backwardInput(dy: Tensor): Tensor {
    const dx = gradientFor(x);
    const bindings = { weight: weight.slice, dy: dy.slice, dx: dx.slice };
    const params = { ...sizes, rows: 0 };
    if (aligned) {
      const OUT = channelTile(c);
      device.dispatch({
        shader: 'conv2d',
        entry: 'conv2d_backward_input',
        constants: { SG: sg, PIXELS, OUT },
        bindings,
        params,
        grid: [Math.ceil((n * h * w) / (PIXELS * sg)), Math.ceil(c / OUT)],
      });
    } else {
      device.dispatch({
        shader: 'conv2d_portable',
        entry: 'conv2d_backward_input',
        bindings,
        params,
        grid: [Math.ceil(c / PORTABLE_TILE), Math.ceil((n * h * w) / PORTABLE_TILE)],
      });
    }
    return dx;
  }

  function backwardWeight(dy: Tensor): Tensor {
    const dw = gradientFor(weight);
    const subgroups = sg > 0 && o % 4 === 0;
    const { lanes, alias } = vectorised(c);
    const OUT = channelTile(o);
    const across = subgroups ? Math.ceil((kh * kw * c) / lanes / sg) : Math.ceil((kh * kw * c) / PORTABLE_TILE);
    const down = Math.ceil(o / (subgroups ? OUT : PORTABLE_TILE));
    const rows = Math.ceil((n * oh) / splitCount(across * down, n * oh, 2));
    const splits = Math.ceil((n * oh) / rows);
    const parts = splits > 1 ? Tensor.empty([splits, dw.size], { device }) : dw;
    const params = { ...sizes, rows };
    const grid = [across, down, splits] as const;
    if (subgroups) {
      device.dispatch({
        shader: 'conv2d',
        entry: 'conv2d_backward_weight',
        constants: { SG: sg, OUT, LANES: lanes, ...alias },
        bindings: { x_any: x.slice, dy: dy.slice, parts: parts.slice },
        params,
        grid,
      });
    } else {
      device.dispatch({
        shader: 'conv2d_portable',
        entry: 'conv2d_backward_weight',
        bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
        params,
        grid,
      });
    }
    if (splits > 1) {
      sumInto(parts, [0], dw);
      parts.dispose();
    }
    return dw;
  }

  const y = forward();
  return record('conv2d', bias ? [x, weight, bias] : [x, weight], y, (dy, [needX, needW, needBias]) => {
    const g = activation ? activationBackward(activation, y, dy) : dy;
    const dx = needX ? backwardInput(g) : undefined;
    const dw = needW ? backwardWeight(g) : undefined;
    let dbias: Tensor | undefined;
    if (needBias) sumInto(g, [0, 2, 3], (dbias = gradientFor(bias!)));
    if (activation) g.dispose();
    return [dx, dw, dbias];
  });
}

export const conv2dOp: OpDefinition = {
  shader: 'conv2d',
  inputs: ['input', 'weight', 'bias?'],
  run: ({ input, weight, bias }, params) => conv2d(input!, weight!, bias, params),
};
