import { describe, expect, it } from 'vitest';
import { maxPool2d } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

describe.each(pathNames)('max_pool2d on the %s path', path => {
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
    await checkOp(path, 'max_pool2d', { input: shape }, { kernel, stride, padding });
  });

  it('sends the gradient of equal maxima to the first', async () => {
    setDefaultDevice(await paths[path]());
    for (const c of [1, 4]) {
      const x = Tensor.from(new Float32Array(c * 16), [1, c, 4, 4], { requiresGrad: true });
      backward(maxPool2d(x, 2), Tensor.ones([1, c, 2, 2]));
      const first = [1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
      expect([...(await x.grad!.data())]).toEqual(Array.from({ length: c }, () => first).flat());
    }
  });

  it('ties with random equal values follow the oracle', async () => {
    const value = (random: { integer(n: number): number }) => random.integer(3);
    await checkOp(path, 'max_pool2d', { input: [2, 4, 9, 9] }, { kernel: 3, stride: 2, padding: 1 }, { value });
  });

  it('lets NaN through', async () => {
    setDefaultDevice(await paths[path]());
    const y = maxPool2d(Tensor.from([1, NaN, 3, 2, 1, 5, 2, 2], [1, 1, 2, 4]), 2);
    expect([...(await y.data())]).toEqual([NaN, 3]);
  });
});

describe('max_pool2d refuses', () => {
  it('padding above half the kernel, and inputs below it', async () => {
    setDefaultDevice(await paths.native());
    expect(() => maxPool2d(Tensor.zeros([1, 1, 4, 4]), 2, { padding: 2 })).toThrow('half of the kernel');
    expect(() => maxPool2d(Tensor.zeros([1, 1, 1, 1]), 2)).toThrow('too small; it needs 2x2');
  });
});
