import { describe, expect, it } from 'vitest';
import { interpolateBilinear, normaliseChannels, registry, repeatChannels } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

describe.each(pathNames)('bilinear resize on the %s path', path => {
  const sizes: [number[], number | number[]][] = [
    [[2, 3, 6, 6], 14],
    [
      [2, 2, 9, 9],
      [4, 5],
    ],
    [
      [2, 4, 5, 7],
      [10, 14],
    ],
    [
      [1, 8, 12, 8],
      [6, 4],
    ],
    [[1, 1, 48, 48], 224],
    [[1, 1, 224, 224], 48],
    [[1, 4, 1, 1], 3],
    [[2, 5, 3, 4], 1],
    [
      [1, 3, 7, 5],
      [7, 9],
    ],
    [
      [1, 3, 7, 5],
      [8, 5],
    ],
    [
      [1, 4, 13, 31],
      [31, 13],
    ],
    [
      [1, 4, 2, 64],
      [63, 3],
    ],
  ];
  it.each(sizes)('%j to %j', async (shape, size) => {
    await checkOp(path, 'interpolate_bilinear', { input: shape }, { size });
  });

  it('lets NaN through', async () => {
    setDefaultDevice(await paths[path]());
    const y = await interpolateBilinear(Tensor.from([NaN, 1, 1, 1], [1, 1, 2, 2]), 4).data();
    expect(y[0]).toBeNaN();
    expect(y[15]).toBe(1);
  });

  it.each([
    [[2, 1, 5, 3], 3],
    [[2, 3, 5, 3], 3],
    [[3, 1, 4, 4], 4],
    [[2, 1, 7, 7], 1],
    [[2, 2, 3, 3], 2],
    [[1, 1, 1, 1], 3],
  ])('normalisation of the channels of %j to %i', async (shape, c) => {
    const mean = [0.485, 0.456, 0.406, 0.3].slice(0, c);
    const std = [0.229, 0.224, 0.225, 0.5].slice(0, c);
    await checkOp(path, 'normalise_channels', { input: shape }, { mean, std });
  });
});

describe('resize and repetition', () => {
  it('to the same size is the input itself', async () => {
    setDefaultDevice(await paths.native());
    const x = Tensor.zeros([1, 2, 3, 4]);
    expect(interpolateBilinear(x, [3, 4])).toBe(x);
  });

  it('repeats a grey image', async () => {
    setDefaultDevice(await paths.native());
    const y = repeatChannels(Tensor.from([1, 2, 3, 4, 5, 6], [2, 1, 1, 3]), 3);
    expect(y.shape).toEqual([2, 3, 1, 3]);
    expect([...(await y.data())]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6]);
  });

  it('refuse what they cannot do', async () => {
    setDefaultDevice(await paths.native());
    const x = Tensor.zeros([1, 2, 3, 4]);
    expect(() => interpolateBilinear(x, 0)).toThrow('size');
    expect(() => interpolateBilinear(Tensor.zeros([3, 4]), 2)).toThrow('(N,C,H,W); given (3, 4)');
    expect(() => registry.interpolate_bilinear.run({ input: x }, { size: 2, align_corners: true })).toThrow(
      'align_corners',
    );
    expect(() => normaliseChannels(x, [0, 0, 0], [1, 1, 1])).toThrow('of 3 or 1 channels');
    expect(() => normaliseChannels(x, [0, 0], [1])).toThrow('2 means and 1 deviations');
    expect(() => repeatChannels(x, 5)).toThrow('one to four');
  });
});
