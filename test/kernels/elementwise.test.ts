import { describe, expect, it } from 'vitest';
import { add, pointwise, relu, scale, sum, type PointwiseOp } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

const away = (least: number) => (random: { uniform(): number }) => least + random.uniform();

describe.each(pathNames)('elementwise operations on the %s path', path => {
  it.each([[[1]], [[3]], [[4]], [[5, 7]], [[3, 4, 5]], [[2, 3, 5, 7]], [[64, 257]]])('relu of %j', async shape => {
    await checkOp(path, 'relu', { input: shape });
  });

  const broadcasts: [number[], number[]][] = [
    [[6], [6]],
    [[5, 7], [7]],
    [
      [5, 7],
      [5, 1],
    ],
    [
      [2, 3, 4, 5],
      [1, 3, 1, 1],
    ],
    [
      [1, 3, 1, 1],
      [2, 3, 4, 5],
    ],
    [
      [2, 3, 4, 5],
      [3, 4, 5],
    ],
    [
      [2, 1, 4, 1],
      [1, 3, 1, 5],
    ],
    [[2, 3, 4, 5], [5]],
    [
      [2, 8, 3, 3],
      [2, 8, 1, 1],
    ],
    [[], [3, 2]],
  ];
  it.each(broadcasts)('add, sub, mul and div of %j and %j', async (a, b) => {
    for (const op of ['add', 'sub', 'mul'] as const) await checkOp(path, op, { a, b });
    await checkOp(path, 'div', { a, b }, {}, { value: away(0.5) });
  });
});

/** Derivatives by hand: these have no case in the goldens. */
const functions: Record<Exclude<PointwiseOp, 'relu'>, [(x: number) => number, (x: number) => number]> = {
  neg: [x => -x, () => -1],
  exp: [Math.exp, Math.exp],
  log: [Math.log, x => 1 / x],
  sqrt: [Math.sqrt, x => 0.5 / Math.sqrt(x)],
  abs: [Math.abs, Math.sign],
  square: [x => x * x, x => 2 * x],
};

describe('pointwise operations', () => {
  it.each(Object.entries(functions))('%s and its derivative', async (op, [value, derivative]) => {
    setDefaultDevice(await paths.native());
    const positive = op === 'log' || op === 'sqrt';
    const xs = Array.from({ length: 13 }, (_, i) => (positive ? 0.25 + i / 4 : i / 3 - 2.1)).map(Math.fround);
    const x = Tensor.from(xs, [13], { requiresGrad: true });
    const y = pointwise(op as PointwiseOp, x);
    backward(y, Tensor.full([13], 0.5));
    (await y.data()).forEach((v, i) => {
      expect(v).toBeCloseTo(value(xs[i]!), 4);
    });
    (await x.grad!.data()).forEach((v, i) => {
      expect(v).toBeCloseTo(0.5 * derivative(xs[i]!), 4);
    });
  });

  it('relu lets NaN through: a network must not hide it', async () => {
    setDefaultDevice(await paths.native());
    const y = relu(Tensor.from([NaN, -1, 2, -Infinity, Infinity], [5]));
    expect([...(await y.data())]).toEqual([NaN, 0, 2, 0, Infinity]);
  });

  it('scale multiplies, gradient too', async () => {
    setDefaultDevice(await paths.native());
    const x = Tensor.from([1, 2, 3], [3], { requiresGrad: true });
    const y = sum(scale(x, 2.5));
    backward(y);
    expect(await y.item()).toBe(15);
    expect([...(await x.grad!.data())]).toEqual([2.5, 2.5, 2.5]);
  });

  it('covers more than 65,535 workgroups', async () => {
    setDefaultDevice(await paths.native());
    const size = 65_535 * 64 * 4 + 1000;
    const data = new Float32Array(size).fill(-1);
    data[size - 1] = 7;
    data[65_535 * 64 * 4] = 3;
    const x = Tensor.from(data, [size]);
    const y = relu(x);
    const back = await y.data();
    expect(back[size - 1]).toBe(7);
    expect(back[65_535 * 64 * 4]).toBe(3);
    expect(back.reduce((a, b) => a + b, 0)).toBe(10);
    x.dispose();
    y.dispose();
    x.device.pool.trim();
  });
});

describe('binary operations refuse', () => {
  it('shapes that do not broadcast, naming both', async () => {
    setDefaultDevice(await paths.native());
    expect(() => add(Tensor.zeros([2, 3]), Tensor.zeros([2, 4]))).toThrow('(2, 3) and (2, 4)');
    expect(() => add(Tensor.zeros([1, 1, 1, 1, 2]), Tensor.zeros([1, 1, 1, 1, 1]))).toThrow('four dimensions');
  });
});
