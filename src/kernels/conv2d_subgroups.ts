import { activationNumber } from './activation.js';
import { flopsOf, splitRows, type Conv2dKernels, type Conv2dSizes } from './conv2d_kernels.js';
import { linearGrid, vectorised } from './grid.js';
import { sumOfParts } from './reduce.js';

/** Pixels a lane in conv2d.wgsl. */
const PIXELS = 4;

/** Channels of the result that a workgroup does: as many as there are, up to 16. */
function channelTile(channels: number): number {
  return channels > 8 ? 16 : channels > 4 ? 8 : 4;
}

/** How conv2d.wgsl reads rows of a group's `c` input and `o` output channels. */
function reads(c: number, o: number): Record<string, number | string> {
  const [input, output] = [vectorised(c), vectorised(o)];
  return { LANES: input.lanes, V: input.alias.V, G_LANES: output.lanes, G: output.alias.V };
}

/** The shader's parameters; steps are stride/gcd(stride, dilation). */
function paramsOf(sizes: Conv2dSizes, rows = 0): Record<string, number> {
  const step = (stride: number, dilation: number): number => {
    let [a, b] = [stride, dilation];
    while (b > 0) [a, b] = [b, a % b];
    return stride / a;
  };
  return {
    ...sizes,
    step_h: step(sizes.stride_h, sizes.dilation_h),
    step_w: step(sizes.stride_w, sizes.dilation_w),
    rows,
  };
}

/** With subgroups, for any number of channels and groups. */
export const subgroupKernels: Conv2dKernels = {
  forward({ x, weight, bias, activation, sizes }, y) {
    const { n, oh, ow, c, o, groups } = sizes;
    const { device } = x;
    const { lanes, alias } = vectorised(c);
    const OUT = channelTile(o);
    const operands = { x: x.slice, weight: weight.slice, bias: bias?.slice ?? device.zeros };
    device.dispatch({
      shader: 'conv2d',
      entry: o % 4 === 0 ? 'conv2d_forward' : 'conv2d_forward_any',
      constants: {
        ...{ SG: device.subgroupSize, PIXELS, OUT, LANES: lanes, ...alias, STEM: c < 4 },
        ...{ BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
      },
      bindings: o % 4 === 0 ? { ...operands, y: y.slice } : { ...operands, y_scalar: y.slice },
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * oh * ow, PIXELS * device.subgroupSize), Math.ceil(o / OUT) * groups],
    });
  },

  backwardInput({ weight, sizes }, dy, dx) {
    const { n, h, w, c, o, groups, stride_h, stride_w } = sizes;
    const { device } = dy;
    const OUT = channelTile(c);
    // The largest class of pixels with the same remainders modulo the strides.
    const pixels = n * Math.ceil(h / stride_h) * Math.ceil(w / stride_w);
    const operands = { weight: weight.slice, dy: dy.slice };
    device.dispatch({
      shader: 'conv2d',
      entry: c % 4 === 0 ? 'conv2d_backward_input' : 'conv2d_backward_input_any',
      constants: { SG: device.subgroupSize, PIXELS, OUT, ...reads(c, o) },
      bindings: c % 4 === 0 ? { ...operands, dx: dx.slice } : { ...operands, dx_scalar: dx.slice },
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [
        ...linearGrid(device, pixels, PIXELS * device.subgroupSize),
        Math.ceil(c / OUT) * groups * stride_h * stride_w,
      ],
    });
  },

  backwardWeight({ x, sizes }, dy, dw) {
    const { c, o, kh, kw, groups } = sizes;
    const { device } = dy;
    const OUT = channelTile(o);
    const columns = (kh * kw * c) / vectorised(c).lanes;
    // Scalar columns are short of work for their shuffles: four of them do as much as a vec4.
    const COLUMNS = c % 4 === 0 ? 1 : Math.min(4, Math.ceil(columns / device.subgroupSize));
    const across = Math.ceil(columns / (COLUMNS * device.subgroupSize));
    const down = Math.ceil(o / OUT) * groups;
    const { rows, splits } = splitRows(sizes, across * down);
    sumOfParts(dw, splits, parts => {
      device.dispatch({
        shader: 'conv2d',
        entry: 'conv2d_backward_weight',
        constants: { SG: device.subgroupSize, OUT, COLUMNS, ...reads(c, o) },
        bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
        params: paramsOf(sizes, rows),
        flops: flopsOf(sizes),
        grid: [across, down, splits],
      });
    });
  },
};
