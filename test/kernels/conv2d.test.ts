import { beforeAll, describe, expect, it } from 'vitest';
import { conv2d, pointwise } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
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
  '1x1': [3, 12, 9, 7, 20, 1, 1, 0, 1, true],
  '1x1, 58 channels': [2, 58, 5, 6, 58, 1, 1, 0, 1, true],
  '1x1 over many pixels': [5, 8, 24, 23, 4, 1, 1, 0, 1, false],
  '7 to 5 channels, stride 2, odd size': [2, 7, 9, 11, 5, 3, 2, 1, 1, true],
  'stride 2 and dilation 2: pixels that no tap meets': [1, 4, 9, 8, 4, 3, 2, 2, 2, false],
  '1x1 stride 2': [2, 12, 8, 8, 16, 1, 2, 0, 1, false],
  'many images, few pixels': [37, 8, 2, 2, 8, 3, 1, 1, 1, true],
  'splits of the weight gradient': [8, 4, 24, 24, 4, 3, 1, 1, 1, true],
};

describe.each(pathNames)('conv2d on the %s path', path => {
  it.each(Object.entries(cases))('%s', async (_, [n, c, h, w, o, k, stride, padding, dilation, bias]) => {
    const shapes = { input: [n, c, h, w], weight: [o, c, k, k], ...(bias ? { bias: [o] } : {}) };
    await checkOp(path, 'conv2d', shapes, { stride, padding, dilation });
  });

  it('lets NaN reach the pixels that see it, and no other', async () => {
    setDefaultDevice(await paths[path]());
    for (const [c, groups] of [
      [4, 1],
      [3, 1],
      [4, 4],
    ] as const) {
      const x = Tensor.zeros([1, c, 6, 6]);
      x.set(Float32Array.from({ length: x.size }, (_, i) => (i % 36 === 0 ? NaN : 1)));
      const y = await conv2d(x, Tensor.ones([4, c / groups, 3, 3]), undefined, { padding: 1, groups }).data();
      const bad = Array.from(y.subarray(0, 36).keys()).filter(i => Number.isNaN(y[i]));
      expect(bad, `${c} channels, ${groups} groups`).toEqual([0, 1, 6, 7]);
    }
  });

  it('more pixels than one dimension of the grid takes', async () => {
    setDefaultDevice(await paths[path]());
    const size = 1449; // squared it exceeds 65,535 workgroups of 32 pixels
    const x = Tensor.from(
      Float32Array.from({ length: size * size }, (_, i) => i % 1000),
      [1, 1, size, size],
      { requiresGrad: true },
    );
    const y = conv2d(x, Tensor.from([2], [1, 1, 1, 1]));
    backward(y, Tensor.from(await x.data(), y.shape));
    for (const tensor of [y, x.grad!]) {
      expect((await tensor.data()).findIndex((value, i) => value !== 2 * (i % 1000))).toBe(-1);
      tensor.dispose();
    }
    x.dispose();
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

const activations = ['relu', 'relu6', 'sigmoid', 'tanh'] as const;

/** Kernels that end in an activation, each with vec4 outputs and without. */
const endings = {
  products: { c: 4, o: 8, groups: 1 },
  'odd products': { c: 3, o: 6, groups: 1 },
  depthwise: { c: 8, o: 8, groups: 8 },
};

describe.each(pathNames)('conv2d that ends in an activation, on the %s path', path => {
  it.each(
    Object.entries(endings).flatMap(([name, sizes]) =>
      activations.map(activation => [name, activation, sizes] as const),
    ),
  )('%s with %s equal the activation after them, gradients too', async (_, activation, { c, o, groups }) => {
    setDefaultDevice(await paths[path]());
    const values = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.sin(i * k));
    const run = async (fused: boolean) => {
      const x = Tensor.from(values(2 * c * 36, 1.3), [2, c, 6, 6], { requiresGrad: true });
      const w = Tensor.from(values((o * c * 9) / groups, 2.1), [o, c / groups, 3, 3], { requiresGrad: true });
      const b = Tensor.from(values(o, 0.7), [o], { requiresGrad: true });
      const y = fused
        ? conv2d(x, w, b, { padding: 1, groups, activation })
        : pointwise(activation, conv2d(x, w, b, { padding: 1, groups }));
      backward(y, Tensor.from(values(2 * o * 36, 0.9), y.shape));
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
