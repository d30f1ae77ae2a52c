import { activationNumber } from './activation.js';
import { flopsOf, splitRows, type Conv2dKernels } from './conv2d_kernels.js';
import { linearGrid } from './grid.js';
import { sumOfParts } from './reduce.js';
import type { Choice, Values } from './tuning/choice.js';

function tileOf({ values }: Choice): number {
  const { THREADS, PER } = values as Values<'THREADS' | 'PER'>;
  return THREADS * PER;
}

/** Without subgroups, for any number of channels and groups. */
export const portableKernels: Conv2dKernels = {
  forward(choice, { x, weight, bias, activation, sizes }, y) {
    const { n, oh, ow, o, groups } = sizes;
    const { device } = x;
    const tile = tileOf(choice);
    device.dispatch({
      shader: 'conv2d_portable',
      entry: 'conv2d_forward',
      constants: { ...choice.values, BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
      bindings: { x: x.slice, weight: weight.slice, bias: bias?.slice ?? device.zeros, y: y.slice },
      params: { ...sizes, rows: 0 },
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * oh * ow, tile), Math.ceil(o / tile) * groups],
    });
  },

  backwardInput(choice, { weight, sizes }, dy, dx) {
    const { n, h, w, c, groups } = sizes;
    const { device } = dy;
    const tile = tileOf(choice);
    device.dispatch({
      shader: 'conv2d_portable',
      entry: 'conv2d_backward_input',
      constants: choice.values,
      bindings: { weight: weight.slice, dy: dy.slice, dx: dx.slice },
      params: { ...sizes, rows: 0 },
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * h * w, tile), Math.ceil(c / tile) * groups],
    });
  },

  backwardWeight(choice, { x, sizes }, dy, dw) {
    const { device } = dy;
    const { workgroups, ...constants } = choice.values;
    const tile = tileOf(choice);
    const columns = sizes.kh * sizes.kw * sizes.c;
    // Cut for the default block, so that blocks of other sizes add in the same order.
    const blocks = Math.ceil(columns / 32) * Math.ceil(sizes.o / 32) * sizes.groups;
    const { rows, splits } = splitRows(sizes, blocks, workgroups!);
    sumOfParts(dw, splits, parts => {
      device.dispatch({
        shader: 'conv2d_portable',
        entry: 'conv2d_backward_weight',
        constants,
        bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
        params: { ...sizes, rows },
        flops: flopsOf(sizes),
        grid: [Math.ceil(columns / tile), Math.ceil(sizes.o / tile) * sizes.groups, splits],
      });
    });
  },
};
