import { beforeAll, describe, expect, it } from 'vitest';
import { conv2d } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

/** N, C, H, W, O, K, stride, padding, dilation, bias. */
type Case = readonly [number, number, number, number, number, number, number, number, number, boolean];

// A workgroup covers 32 pixels, 4, 8 or 16 channels; portable tiles are 32x32 and 16 deep.
const cases: Record<string, Case> = {
  'one of everything': [1, 1, 1, 1, 1, 1, 1, 0, 1, true],
  'one pixel below a tile': [1, 4, 1, 31, 4, 1, 1, 0, 1, true],
  'exactly a tile of pixels': [1, 4, 4, 8, 16, 3, 1, 1, 1, true],
  'one pixel above a tile': [1, 4, 3, 11, 4, 3, 1, 1, 1, false],
  'channels above a tile': [2, 20, 5, 7, 36, 3, 1, 1, 1, true],
  'channels of eight': [2, 8, 6, 6, 8, 3, 1, 1, 1, true],
  'first layer, one channel': [3, 1, 12, 12, 16, 3, 1, 1, 1, true],
  'first layer, three channels, 7x7 stride 2': [2, 3, 15, 13, 8, 7, 2, 3, 1, false],
  'odd channels': [2, 6, 7, 7, 10, 5, 1, 2, 1, true],
  'odd channels out': [1, 8, 6, 5, 7, 3, 1, 1, 1, true],
  'stride 2 that leaves a rest': [2, 8, 8, 9, 12, 3, 2, 1, 1, true],
  'stride 3 without padding': [1, 4, 11, 10, 4, 2, 3, 0, 1, false],
  dilation: [1, 4, 12, 11, 8, 3, 1, 2, 2, true],
  'dilation and stride': [1, 4, 13, 13, 8, 3, 2, 3, 3, true],
  'padding beyond the kernel': [1, 4, 3, 3, 4, 3, 1, 4, 1, false],
  '1x1 stride 2': [2, 12, 8, 8, 16, 1, 2, 0, 1, false],
  'many images, few pixels': [37, 8, 2, 2, 8, 3, 1, 1, 1, true],
  'splits of the weight gradient': [8, 4, 24, 24, 4, 3, 1, 1, 1, true],
};

describe.each(pathNames)('conv2d on the %s path', path => {
  it.each(Object.entries(cases))('%s', async (_, [n, c, h, w, o, k, stride, padding, dilation, bias]) => {
    const shapes = { input: [n, c, h, w], weight: [o, c, k, k], ...(bias ? { bias: [o] } : {}) };
    await checkOp(path, 'conv2d', shapes, { stride, padding, dilation });
  });

  it('takes different sizes for the two directions', async () => {
    await checkOp(
      path,
      'conv2d',
      { input: [1, 4, 9, 7], weight: [8, 4, 3, 2] },
      { stride: [2, 1], padding: [1, 0], dilation: [1, 2] },
    );
  });
});

describe('conv2d with a fused relu', () => {
  it.each(pathNames)('equals relu after conv2d, gradients too, on the %s path', async path => {
    setDefaultDevice(await paths[path]());
    const { relu } = await import('../../src/kernels/index.js');
    const { backward } = await import('../../src/tensor/index.js');
    const values = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.sin(i * k));
    const run = async (fused: boolean) => {
      const x = Tensor.from(values(2 * 4 * 6 * 6, 1.3), [2, 4, 6, 6], { requiresGrad: true });
      const w = Tensor.from(values(8 * 4 * 9, 2.1), [8, 4, 3, 3], { requiresGrad: true });
      const b = Tensor.from(values(8, 0.7), [8], { requiresGrad: true });
      const y = fused ? conv2d(x, w, b, { padding: 1, activation: 'relu' }) : relu(conv2d(x, w, b, { padding: 1 }));
      backward(y, Tensor.from(values(2 * 8 * 36, 0.9), y.shape));
      return Promise.all([y, x.grad!, w.grad!, b.grad!].map(tensor => tensor.data()));
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

describe('conv2d refuses', () => {
  let x: Tensor;
  beforeAll(async () => {
    setDefaultDevice(await paths.native());
    x = Tensor.zeros([1, 4, 5, 5]);
  });

  it('channels that differ, naming both shapes', () => {
    expect(() => conv2d(x, Tensor.zeros([8, 3, 3, 3]))).toThrow(/conv2d.*\(1, 4, 5, 5\) and \(8, 3, 3, 3\)/);
  });

  it('an input below the least size, naming it', () => {
    expect(() => conv2d(x, Tensor.zeros([8, 4, 7, 7]))).toThrow('5x5 is too small for this kernel; it needs 7x7');
  });

  it('a bias of another length', () => {
    expect(() => conv2d(x, Tensor.zeros([8, 4, 3, 3]), Tensor.zeros([4]))).toThrow('a bias of shape (8)');
  });

  it('a stride of zero and fractions', () => {
    expect(() => conv2d(x, Tensor.zeros([8, 4, 3, 3]), undefined, { stride: 0 })).toThrow('stride');
    expect(() => conv2d(x, Tensor.zeros([8, 4, 3, 3]), undefined, { padding: 0.5 })).toThrow('padding');
  });
});
