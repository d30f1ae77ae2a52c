import { describe, expect, it } from 'vitest';
import { mean, sum } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

const axesOf = (rank: number): number[][] =>
  Array.from({ length: 2 ** rank - 1 }, (_, bits) =>
    Array.from({ length: rank }, (_, i) => i).filter(i => ((bits + 1) >> i) & 1),
  );

describe.each(pathNames)('reductions on the %s path', path => {
  const shapes = [[3, 4, 5, 6], [2, 5, 3, 3], [4, 6], [3, 8], [2, 3, 4], [7]];
  it.each(shapes.map(shape => [shape]))('sum and mean of %j over every set of axes', async shape => {
    for (const axes of axesOf(shape.length)) {
      await checkOp(path, 'sum', { input: shape }, { axes });
      await checkOp(path, 'mean', { input: shape }, { axes, keepdim: true });
    }
  });

  it('of all elements by default, and over negative axes', async () => {
    await checkOp(path, 'sum', { input: [3, 5] });
    await checkOp(path, 'mean', { input: [2, 3, 4, 5] }, { axes: [-1, -2] });
  });

  it.each([
    [[40_000, 16], [0]],
    [[16, 40_000], [1]],
    [
      [5, 12, 48, 48],
      [0, 2, 3],
    ],
    [[300_001], [0]],
  ])('long sums of %j over %j, in split parts', async (shape, axes) => {
    await checkOp(path, 'sum', { input: shape }, { axes }, { rtol: 1e-5, atol: 1e-3 });
  });
});

describe('reductions', () => {
  it('give the same bits every time', async () => {
    setDefaultDevice(await paths.native());
    const x = Tensor.from(
      Array.from({ length: 100_000 }, (_, i) => Math.sin(i) * 1e3),
      [100_000],
    );
    const first = await sum(x).item();
    for (let i = 0; i < 3; i++) expect(await sum(x).item()).toBe(first);
  });

  it('refuse axes that are not there or come twice', async () => {
    setDefaultDevice(await paths.native());
    expect(() => sum(Tensor.zeros([2, 3]), [2])).toThrow('axes');
    expect(() => mean(Tensor.zeros([2, 3]), [0, -2])).toThrow('distinct');
  });
});
