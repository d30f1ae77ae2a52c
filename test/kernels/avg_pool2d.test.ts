import { describe, expect, it } from 'vitest';
import { adaptiveAvgPool2d, avgPool2d } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

describe.each(pathNames)('average pooling on the %s path', path => {
  it.each([
    [[1, 1, 2, 2], 2, 2, 0],
    [[2, 3, 8, 8], 2, 2, 0],
    [[2, 4, 7, 9], 2, 2, 0],
    [[2, 8, 9, 7], 3, 2, 1],
    [[1, 5, 6, 6], 3, 1, 1],
    [[1, 4, 11, 10], 2, 3, 0],
    [[1, 4, 5, 5], 5, 5, 2],
    [[3, 16, 48, 48], 2, 2, 0],
  ])('%j, kernel %i, stride %i, padding %i', async (shape, kernel, stride, padding) => {
    for (const count_include_pad of [true, false]) {
      await checkOp(path, 'avg_pool2d', { input: shape }, { kernel, stride, padding, count_include_pad });
    }
  });

  it('takes different sizes for the two directions, and the kernel as stride by default', async () => {
    await checkOp(path, 'avg_pool2d', { input: [2, 4, 9, 8] }, { kernel: [3, 2], padding: [1, 0] });
    await checkOp(path, 'avg_pool2d', { input: [2, 3, 9, 8] }, { kernel: [2, 4], stride: [3, 1], padding: [1, 2] });
  });

  const outputs: [number[], number | number[]][] = [
    [[2, 5, 6, 6], 1],
    [[3, 8, 48, 48], 1],
    [[2, 3, 7, 9], 3],
    [[2, 4, 7, 7], 7],
    [[1, 4, 12, 12], 6],
    [
      [2, 8, 5, 11],
      [2, 3],
    ],
    [
      [1, 3, 3, 4],
      [5, 7],
    ],
    [[1, 4, 1, 1], 4],
  ];
  it.each(outputs)('adaptive, %j to %j', async (shape, output) => {
    await checkOp(path, 'adaptive_avg_pool2d', { input: shape }, { output });
  });

  it('lets NaN through', async () => {
    setDefaultDevice(await paths[path]());
    const x = Tensor.from([1, NaN, 3, 2, 1, 5, 2, 2], [1, 1, 2, 4]);
    expect([...(await avgPool2d(x, 2).data())]).toEqual([NaN, 2.25]);
    expect(await adaptiveAvgPool2d(x, 1).item()).toBeNaN();
  });
});

describe('average pooling refuses', () => {
  it('padding above half the kernel, inputs below it, and no output', async () => {
    setDefaultDevice(await paths.native());
    expect(() => avgPool2d(Tensor.zeros([1, 1, 4, 4]), 2, { padding: 2 })).toThrow('half of the kernel');
    expect(() => avgPool2d(Tensor.zeros([1, 1, 1, 1]), 2)).toThrow('too small; it needs 2x2');
    expect(() => avgPool2d(Tensor.zeros([4, 4]), 2)).toThrow('(N,C,H,W); given (4, 4)');
    expect(() => adaptiveAvgPool2d(Tensor.zeros([1, 1, 4, 4]), 0)).toThrow('output');
  });
});
