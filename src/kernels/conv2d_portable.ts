import { activationNumber } from './activation.js';
import { flopsOf, splitRows, type Conv2dKernels } from './conv2d_kernels.js';
import { linearGrid } from './grid.js';
import { sumOfParts } from './reduce.js';

/** The block of conv2d_portable.wgsl. */
const TILE = 32;

/** Without subgroups, for any number of channels and groups. */
export const portableKernels: Conv2dKernels = {
  forward({ x, weight, bias, activation, sizes }, y) {
    const { n, oh, ow, o, groups } = sizes;
    const { device } = x;
    device.dispatch({
      shader: 'conv2d_portable',
      entry: 'conv2d_forward',
      constants: { BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
      bindings: { x: x.slice, weight: weight.slice, bias: bias?.slice ?? device.zeros, y: y.slice },
      params: { ...sizes, rows: 0 },
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * oh * ow, TILE), Math.ceil(o / TILE) * groups],
    });
  },

  backwardInput({ weight, sizes }, dy, dx) {
    const { n, h, w, c, groups } = sizes;
    const { device } = dy;
    device.dispatch({
      shader: 'conv2d_portable',
      entry: 'conv2d_backward_input',
      bindings: { weight: weight.slice, dy: dy.slice, dx: dx.slice },
      params: { ...sizes, rows: 0 },
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * h * w, TILE), Math.ceil(c / TILE) * groups],
    });
  },

  backwardWeight({ x, sizes }, dy, dw) {
    const { device } = dy;
    const across = Math.ceil((sizes.kh * sizes.kw * sizes.c) / TILE);
    const down = Math.ceil(sizes.o / TILE) * sizes.groups;
    const { rows, splits } = splitRows(sizes, across * down);
    sumOfParts(dw, splits, parts => {
      device.dispatch({
        shader: 'conv2d_portable',
        entry: 'conv2d_backward_weight',
        bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
        params: { ...sizes, rows },
        flops: flopsOf(sizes),
        grid: [across, down, splits],
      });
    });
  },
};
