import { Tensor } from '../tensor/index.js';
import { activationNumber } from './activation.js';
import { flopsOf, type Conv2dKernels, type Conv2dSizes } from './conv2d_kernels.js';
import { linearGrid, vectorised } from './grid.js';
import { sumInto } from './reduce.js';
import { transposeInto } from './transpose.js';
import type { Choice, Values } from './tuning/choice.js';

/** Invocations that the sum over rows of the weight gradient is spread over, as far as there are rows. */
const INVOCATIONS = 16_384;
const OTHER_INVOCATIONS = [4096, 65_536, 262_144];

/** Output pixels an invocation, and invocations a workgroup. The sums are the same whatever these are. */
function tile(PIXELS: number, WORKGROUP: number): Choice {
  return { shader: 'conv2d_depthwise', values: { PIXELS, WORKGROUP }, order: 'taps' };
}

function spreadOver(invocations: number, { shader, values, order }: Choice): Choice {
  return { shader, values: { ...values, invocations }, order: `${order}, spread over ${invocations}` };
}

const TILES = [1, 2, 4, 8].flatMap(pixels => [64, 256].map(workgroup => tile(pixels, workgroup)));

/** What runs by default, and what else is tried, for the outputs or inputs and for the weights. */
export const depthwiseChoices = {
  standard: tile(4, 64),
  all: TILES,
  standardWeight: spreadOver(INVOCATIONS, tile(4, 64)),
  allWeight: [INVOCATIONS, ...OTHER_INVOCATIONS].flatMap(invocations =>
    TILES.map(choice => spreadOver(invocations, choice)),
  ),
};

type Tile = Values<'PIXELS' | 'WORKGROUP'>;

function constantsOf(sizes: Conv2dSizes, { PIXELS, WORKGROUP }: Tile): Record<string, number | string> {
  const { groups, kw, stride_w, dilation_w, pad_w } = sizes;
  return { PIXELS, WORKGROUP, KW: kw, STRIDE: stride_w, DILATION: dilation_w, PAD: pad_w, ...vectorised(groups).alias };
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
  forward(choice, { x, weight, bias, activation, sizes }, y) {
    const { device } = x;
    const params = paramsOf(sizes);
    const values = choice.values as Tile;
    const jobs = sizes.n * sizes.oh * Math.ceil(sizes.ow / values.PIXELS) * params.c!;
    withChannelsInnermost(weight, sizes, turned => {
      device.dispatch({
        shader: 'conv2d_depthwise',
        entry: 'conv2d_forward',
        constants: {
          ...constantsOf(sizes, values),
          BIAS: bias !== undefined,
          ACTIVATION: activationNumber(activation),
        },
        bindings: { x: x.slice, weight: turned.slice, bias: bias?.slice ?? device.zeros, y: y.slice },
        params,
        flops: flopsOf(sizes),
        grid: linearGrid(device, jobs, values.WORKGROUP),
      });
    });
  },

  backwardInput(choice, { weight, sizes }, dy, dx) {
    const { device } = dy;
    const params = paramsOf(sizes);
    const values = choice.values as Tile;
    const inputs = sizes.stride_w * Math.max(1, Math.floor(values.PIXELS / sizes.stride_w));
    const jobs = sizes.n * sizes.h * Math.ceil(sizes.w / inputs) * params.c!;
    withChannelsInnermost(weight, sizes, turned => {
      device.dispatch({
        shader: 'conv2d_depthwise',
        entry: 'conv2d_backward_input',
        constants: constantsOf(sizes, values),
        bindings: { weight: turned.slice, dy: dy.slice, dx: dx.slice },
        params,
        flops: flopsOf(sizes),
        grid: linearGrid(device, jobs, values.WORKGROUP),
      });
    });
  },

  backwardWeight(choice, { x, sizes }, dy, dw) {
    const { device } = dy;
    const { n, oh, kh, kw, groups } = sizes;
    const values = choice.values as Tile & Values<'invocations'>;
    const lines = kh * paramsOf(sizes).c!;
    const rows = Math.ceil((n * oh) / Math.min(n * oh, Math.ceil(values.invocations / lines)));
    const splits = Math.ceil((n * oh) / rows);
    const parts = Tensor.empty([splits, kh * kw, groups], { device });
    device.dispatch({
      shader: 'conv2d_depthwise',
      entry: 'conv2d_backward_weight',
      constants: constantsOf(sizes, values),
      bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
      params: paramsOf(sizes, rows, splits),
      flops: flopsOf(sizes),
      grid: linearGrid(device, splits * lines, values.WORKGROUP),
    });
    const sum = Tensor.empty([1, kh * kw, groups], { device });
    sumInto(parts, [0], sum);
    transposeInto(sum, dw, 1, kh * kw, groups);
    parts.dispose();
    sum.dispose();
  },
};
