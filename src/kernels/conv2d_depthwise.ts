import { Tensor } from '../tensor/index.js';
import { activationNumber } from './activation.js';
import { flopsOf, type Conv2dKernels, type Conv2dSizes } from './conv2d_kernels.js';
import { linearGrid, vectorised } from './grid.js';
import { sumInto } from './reduce.js';
import { transposeInto } from './transpose.js';

/** Output pixels an invocation in conv2d_depthwise.wgsl. */
const PIXELS = 4;
/** Invocations that the sum over rows of the weight gradient is spread over, as far as there are rows. */
const INVOCATIONS = 16_384;

function constantsOf(sizes: Conv2dSizes): Record<string, number | string> {
  const { groups, kw, stride_w, dilation_w, pad_w } = sizes;
  return { PIXELS, KW: kw, STRIDE: stride_w, DILATION: dilation_w, PAD: pad_w, ...vectorised(groups).alias };
}

function paramsOf(sizes: Conv2dSizes, rows = 0, splits = 0): Record<string, number> {
  const { n, h, w, oh, ow, kh, stride_h, pad_h, dilation_h, groups } = sizes;
  const c = groups / vectorised(groups).lanes;
  return { n, h, w, c, oh, ow, kh, stride_h, pad_h, dilation_h, rows, splits };
}

/** Calls `use` with the weight as (KH,KW,C). */
function withChannelsInnermost(weight: Tensor, { groups, kh, kw }: Conv2dSizes, use: (turned: Tensor) => void): void {
  const turned = Tensor.empty([kh * kw, groups], { device: weight.device });
  transposeInto(weight, turned, 1, groups, kh * kw);
  use(turned);
  turned.dispose();
}

/** One input and one output channel a group; on either path. */
export const depthwiseKernels: Conv2dKernels = {
  forward({ x, weight, bias, activation, sizes }, y) {
    const { device } = x;
    const params = paramsOf(sizes);
    withChannelsInnermost(weight, sizes, turned => {
      device.dispatch({
        shader: 'conv2d_depthwise',
        entry: 'conv2d_forward',
        constants: { ...constantsOf(sizes), BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
        bindings: { x: x.slice, weight: turned.slice, bias: bias?.slice ?? device.zeros, y: y.slice },
        params,
        flops: flopsOf(sizes),
        grid: linearGrid(device, sizes.n * sizes.oh * Math.ceil(sizes.ow / PIXELS) * params.c!),
      });
    });
  },

  backwardInput({ weight, sizes }, dy, dx) {
    const { device } = dy;
    const params = paramsOf(sizes);
    const inputs = sizes.stride_w * Math.max(1, Math.floor(PIXELS / sizes.stride_w));
    withChannelsInnermost(weight, sizes, turned => {
      device.dispatch({
        shader: 'conv2d_depthwise',
        entry: 'conv2d_backward_input',
        constants: constantsOf(sizes),
        bindings: { weight: turned.slice, dy: dy.slice, dx: dx.slice },
        params,
        flops: flopsOf(sizes),
        grid: linearGrid(device, sizes.n * sizes.h * Math.ceil(sizes.w / inputs) * params.c!),
      });
    });
  },

  backwardWeight({ x, sizes }, dy, dw) {
    const { device } = dy;
    const { n, oh, kh, kw, groups } = sizes;
    const lines = kh * paramsOf(sizes).c!;
    const rows = Math.ceil((n * oh) / Math.min(n * oh, Math.ceil(INVOCATIONS / lines)));
    const splits = Math.ceil((n * oh) / rows);
    const parts = Tensor.empty([splits, kh * kw, groups], { device });
    device.dispatch({
      shader: 'conv2d_depthwise',
      entry: 'conv2d_backward_weight',
      constants: constantsOf(sizes),
      bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
      params: paramsOf(sizes, rows, splits),
      flops: flopsOf(sizes),
      grid: linearGrid(device, splits * lines),
    });
    const sum = Tensor.empty([1, kh * kw, groups], { device });
    sumInto(parts, [0], sum);
    transposeInto(sum, dw, 1, kh * kw, groups);
    parts.dispose();
    sum.dispose();
  },
};
