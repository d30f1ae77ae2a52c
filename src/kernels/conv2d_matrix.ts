import type { Slice } from '../gpu/pool.js';
import { activationNumber } from './activation.js';
import { flopsOf, splitRows, type Conv2dKernels, type Conv2dSizes } from './conv2d_kernels.js';
import { linearGrid } from './grid.js';
import { matrixBlock } from './matrix_tiles.js';
import { sumOfParts } from './reduce.js';

/** Whether conv2d_matrix.wgsl can do it: it reads four channels at once, and knows no groups. */
export function suitsMatrices({ c, o, groups }: Conv2dSizes): boolean {
  return groups === 1 && c % 4 === 0 && o % 4 === 0;
}

/** The shader's parameters: no groups. */
function paramsOf(sizes: Conv2dSizes, rows = 0): Record<string, number> {
  return Object.fromEntries([...Object.entries(sizes).filter(([name]) => name !== 'groups'), ['rows', rows]]);
}

/** On subgroup matrices: f16 operands, sums in f32. */
export const matrixKernels: Conv2dKernels = {
  forward(choice, { x, weight, bias, activation, sizes }, y) {
    const { n, oh, ow, o } = sizes;
    const { device } = x;
    const [rows, columns] = matrixBlock(choice);
    device.dispatch({
      shader: 'conv2d_matrix',
      entry: 'conv2d_forward',
      constants: { ...choice.values, BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
      bindings: bindings(device.zeros, {
        ...{ x: x.slice, weight: weight.slice, result: y.slice },
        ...(bias && { bias: bias.slice }),
      }),
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * oh * ow, rows), Math.ceil(o / columns)],
    });
  },

  backwardInput(choice, { weight, sizes }, dy, dx) {
    const { n, h, w, c } = sizes;
    const { device } = dy;
    const [rows, columns] = matrixBlock(choice);
    device.dispatch({
      shader: 'conv2d_matrix',
      entry: 'conv2d_backward_input',
      constants: choice.values,
      bindings: bindings(device.zeros, { weight: weight.slice, dy: dy.slice, result: dx.slice }),
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * h * w, rows), Math.ceil(c / columns)],
    });
  },

  backwardWeight(choice, { x, sizes }, dy, dw) {
    const { device } = dy;
    const { workgroups, ...constants } = choice.values;
    const [rows, columns] = matrixBlock(choice);
    const across = sizes.kh * sizes.kw * sizes.c;
    // Cut for the default block, so that blocks of other sizes add in the same order.
    const cut = splitRows(sizes, Math.ceil(across / 64) * Math.ceil(sizes.o / 128), workgroups!);
    sumOfParts(dw, cut.splits, parts => {
      device.dispatch({
        shader: 'conv2d_matrix',
        entry: 'conv2d_backward_weight',
        constants,
        bindings: bindings(device.zeros, { x: x.slice, dy: dy.slice, result: parts.slice }),
        params: paramsOf(sizes, cut.rows),
        flops: flopsOf(sizes),
        grid: [Math.ceil(across / columns), Math.ceil(sizes.o / rows), cut.splits],
      });
    });
  },
};

type Name = 'x' | 'weight' | 'bias' | 'dy' | 'result';

/** One function of the shader reads all operands, each entry point only some of them: zeros stand for the rest. */
function bindings(zeros: Slice, given: Partial<Record<Name, Slice>> & { result: Slice }): Record<Name, Slice> {
  return { x: zeros, weight: zeros, bias: zeros, dy: zeros, ...given };
}
