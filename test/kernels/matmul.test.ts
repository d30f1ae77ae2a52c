import { describe, expect, it } from 'vitest';
import { linear, matmul, pointwise } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

// Tiles are 16 rows x 32 columns (nn, tn) and 32 rows x 16 columns (nt) with eight lanes; 32 x 32, 16 deep, without.
const sizes = [
  [1, 1, 1],
  [1, 4, 4],
  [3, 5, 7],
  [16, 4, 32],
  [15, 8, 28],
  [17, 12, 36],
  [32, 16, 16],
  [33, 20, 20],
  [31, 15, 33],
  [64, 132, 8],
  [7, 128, 64],
  [65, 33, 129],
] as const;

describe.each(pathNames)('products on the %s path', path => {
  it.each(sizes)('matmul (%i,%i)·(…,%i)', async (m, k, n) => {
    await checkOp(path, 'matmul', { a: [m, k], b: [k, n] });
  });

  it.each(sizes)('linear with bias: batch %i, %i to %i', async (n, i, o) => {
    await checkOp(path, 'linear', { input: [n, i], weight: [o, i], bias: [o] });
  });

  it.each([
    [8, 4, 1030],
    [5, 7, 300],
    [36, 132, 129],
  ])('weight gradients of %i to %i over %i rows, in splits', async (i, o, n) => {
    await checkOp(path, 'linear', { input: [n, i], weight: [o, i] });
  });

  it('more rows than one dimension of the grid takes', async () => {
    setDefaultDevice(await paths[path]());
    const rows = 65_536 * 32 + 5;
    const a = Tensor.from(
      Float32Array.from({ length: rows * 4 }, (_, i) => Math.floor(i / 4) % 1000),
      [rows, 4],
    );
    const identity = Tensor.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4]);
    for (const y of [matmul(a, identity), linear(a, identity)]) {
      const values = await y.data();
      expect(values.findIndex((value, i) => value !== Math.floor(i / 4) % 1000)).toBe(-1);
      y.dispose();
    }
    a.dispose();
  });

  it('linear without bias', async () => {
    await checkOp(path, 'linear', { input: [5, 12], weight: [8, 12] });
  });

  it.each(['relu', 'relu6', 'sigmoid', 'tanh'] as const)(
    'linear with %s in its kernel equals %s after it',
    async activation => {
      setDefaultDevice(await paths[path]());
      const values = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.sin(i * k));
      const run = async (fused: boolean) => {
        const x = Tensor.from(values(6 * 8, 1.3), [6, 8], { requiresGrad: true });
        const w = Tensor.from(values(12 * 8, 2.1), [12, 8], { requiresGrad: true });
        const b = Tensor.from(values(12, 0.7), [12], { requiresGrad: true });
        const y = fused ? linear(x, w, b, { activation }) : pointwise(activation, linear(x, w, b));
        backward(y, Tensor.from(values(6 * 12, 0.9), y.shape));
        return Promise.all([y, x.grad!, w.grad!, b.grad!].map(tensor => tensor.data()));
      };
      expect(await run(true)).toEqual(await run(false));
    },
  );
});

describe('products refuse', () => {
  it('inner sizes that differ', async () => {
    setDefaultDevice(await paths.native());
    expect(() => matmul(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))).toThrow('(2, 3) and (4, 5)');
    expect(() => linear(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))).toThrow('(2, 3) and (4, 5)');
    expect(() => linear(Tensor.zeros([2, 1, 3, 3]), Tensor.zeros([4, 9]))).toThrow('flatten');
  });
});
