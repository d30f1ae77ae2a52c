import { beforeAll, describe, expect, it } from 'vitest';
import { conv2d } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

/** N, C, H, W, O, groups, K, stride, padding, dilation, bias. */
type Case = readonly [number, number, number, number, number, number, number, number, number, number, boolean];

// An invocation does four pixels of a row, one or four channels; with stride 3 three of the input's.
const depthwise: Record<string, Case> = {
  'two channels': [1, 2, 1, 1, 2, 2, 1, 1, 0, 1, true],
  'three channels': [2, 3, 6, 5, 3, 3, 3, 1, 1, 1, true],
  'six channels, stride 2': [1, 6, 9, 11, 6, 6, 3, 2, 1, 1, false],
  'seven channels': [1, 7, 5, 8, 7, 7, 3, 1, 1, 1, true],
  '20 channels, 5x5, stride 2': [2, 20, 9, 7, 20, 20, 5, 2, 2, 1, true],
  '58 channels': [2, 58, 7, 7, 58, 58, 3, 1, 1, 1, false],
  '58 channels, stride 2, even size': [1, 58, 8, 8, 58, 58, 3, 2, 1, 1, false],
  'more channels than a workgroup': [1, 264, 3, 3, 264, 264, 3, 1, 1, 1, true],
  dilation: [1, 8, 11, 12, 8, 8, 3, 1, 2, 2, true],
  'dilation and stride': [1, 8, 13, 10, 8, 8, 3, 2, 3, 3, false],
  'stride 3, even kernel, no padding': [1, 4, 11, 10, 4, 4, 2, 3, 0, 1, false],
  'stride beyond the kernel': [1, 4, 13, 14, 4, 4, 1, 5, 0, 1, false],
  'padding beyond the kernel': [1, 4, 3, 2, 4, 4, 3, 1, 4, 1, false],
  'several rows a split': [40, 4, 10, 10, 4, 4, 7, 1, 3, 1, true],
};

const grouped: Record<string, Case> = {
  'multiplier 2': [2, 6, 7, 5, 12, 6, 3, 1, 1, 1, true],
  'multiplier 2, stride 2': [1, 4, 9, 9, 8, 4, 3, 2, 1, 1, false],
  'one output a group': [1, 8, 6, 6, 4, 4, 3, 1, 1, 1, true],
  'two groups of quads': [2, 8, 7, 6, 16, 2, 3, 1, 1, 1, true],
  'two groups above a tile': [1, 40, 5, 5, 48, 2, 1, 1, 0, 1, true],
  'three groups of odd channels': [2, 15, 6, 5, 21, 3, 3, 2, 1, 1, true],
  'four groups, quads in, odd out': [1, 16, 5, 6, 12, 4, 3, 1, 1, 1, false],
  'four groups, odd in, quads out': [1, 12, 6, 7, 16, 4, 3, 1, 2, 2, true],
};

describe.each(pathNames)('grouped conv2d on the %s path', path => {
  it.each([
    ...Object.entries(depthwise).map(([name, c]) => [`depthwise, ${name}`, c] as const),
    ...Object.entries(grouped),
  ])('%s', async (_, [n, c, h, w, o, groups, k, stride, padding, dilation, bias]) => {
    const shapes = { input: [n, c, h, w], weight: [o, c / groups, k, k], ...(bias ? { bias: [o] } : {}) };
    await checkOp(path, 'conv2d', shapes, { stride, padding, dilation, groups });
  });

  it('takes different sizes for the two directions, depthwise', async () => {
    await checkOp(
      path,
      'conv2d',
      { input: [1, 4, 9, 7], weight: [4, 1, 3, 2] },
      { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 4 },
    );
  });
});

describe('grouped conv2d refuses', () => {
  let x: Tensor;
  beforeAll(async () => {
    setDefaultDevice(await paths.native());
    x = Tensor.zeros([1, 6, 5, 5]);
  });

  it('groups that do not divide the channels, naming the numbers', () => {
    expect(() => conv2d(x, Tensor.zeros([8, 1, 3, 3]), undefined, { groups: 4 })).toThrow(
      '4 groups do not divide both the 6 channels of the input and the 8 of the output',
    );
    expect(() => conv2d(x, Tensor.zeros([8, 2, 3, 3]), undefined, { groups: 3 })).toThrow('the 8 of the output');
  });

  it("a weight of another group's size, naming the one wanted", () => {
    expect(() => conv2d(x, Tensor.zeros([6, 6, 3, 3]), undefined, { groups: 3 })).toThrow('a weight (O,2,KH,KW)');
  });

  it('zero groups and fractions', () => {
    expect(() => conv2d(x, Tensor.zeros([6, 1, 3, 3]), undefined, { groups: 0 })).toThrow('groups');
    expect(() => conv2d(x, Tensor.zeros([6, 1, 3, 3]), undefined, { groups: 1.5 })).toThrow('groups');
  });
});
