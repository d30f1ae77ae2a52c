import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shaderText } from '../../src/gpu/node.js';
import { ACTIVATIONS, type Activation } from '../../src/kernels/activation.js';
import {
  activationBackward,
  add,
  gelu,
  pointwise,
  relu,
  scale,
  sum,
  tanh,
  type PointwiseOp,
} from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { references, tensor } from '../reference/index.js';
import { checkOp, expectClose } from './check.js';

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
    [
      [3, 8, 5, 7],
      [1, 8, 1, 1],
    ],
    [
      [3, 8, 5, 7],
      [3, 8, 1, 1],
    ],
    [
      [3, 6, 1, 1],
      [3, 6, 9, 9],
    ],
    [
      [2, 4, 3, 5],
      [2, 1, 3, 5],
    ],
    [
      [2, 4, 3, 5],
      [1, 4, 1, 5],
    ],
    [
      [2, 1, 1, 1],
      [1, 8, 3, 3],
    ],
    [
      [1, 1, 1, 1],
      [2, 4, 3, 3],
    ],
    [
      [3, 1],
      [1, 8],
    ],
    [
      [2, 3, 8],
      [3, 1],
    ],
    [
      [3, 12, 33, 31],
      [3, 12, 1, 1],
    ],
  ];
  it.each(broadcasts)('add, sub, mul and div of %j and %j', async (a, b) => {
    for (const op of ['add', 'sub', 'mul'] as const) await checkOp(path, op, { a, b });
    await checkOp(path, 'div', { a, b }, {}, { value: away(0.5) });
  });
});

const activations = Object.keys(ACTIVATIONS) as Activation[];

describe.each(pathNames)('activations on the %s path', path => {
  const wide = (random: { uniform(): number }) => 16 * (random.uniform() - 0.5);
  it.each(activations)('%s', async op => {
    await checkOp(path, op, { input: [3, 5, 67] }, {}, { value: wide, atol: 3e-6 });
    await checkOp(path, op, { input: [1001] }, {}, { atol: 1e-6, rtol: 1e-6 });
  });

  // Value as a function of x, and slope, far below zero and far above.
  const same = (v: number) => v;
  const zero = () => 0;
  const far: Record<Activation, [(v: number) => number, number, (v: number) => number, number]> = {
    relu: [zero, 0, same, 1],
    relu6: [zero, 0, () => 6, 0],
    silu: [zero, 0, same, 1],
    sigmoid: [zero, 0, () => 1, 0],
    tanh: [() => -1, 0, () => 1, 0],
    hardswish: [zero, 0, same, 1],
    gelu: [zero, 0, same, 1],
    leaky_relu: [v => 0.01 * v, 0.01, same, 1],
  };
  it.each(activations)('%s keeps NaN and does not overflow', async op => {
    setDefaultDevice(await paths[path]());
    const xs = [NaN, -1e30, -300, 1e30, 300].map(Math.fround);
    const x = Tensor.from(xs, [5], { requiresGrad: true });
    const y = pointwise(op, x);
    backward(y, Tensor.ones([5]));
    const values = await y.data();
    const slopes = await x.grad!.data();
    expect(values[0]).toBeNaN();
    const [below, slopeBelow, above, slopeAbove] = far[op];
    xs.slice(1).forEach((v, i) => {
      const expected = v < 0 ? below(v) : above(v);
      const error = Math.abs(values[i + 1]! - expected);
      expect(error, `${op}(${v})`).toBeLessThanOrEqual(1e-6 * Math.abs(expected));
      expect(slopes[i + 1], `slope of ${op} at ${v}`).toBeCloseTo(v < 0 ? slopeBelow : slopeAbove, 6);
    });
  });

  it("takes PyTorch's gradients where there is no derivative", async () => {
    setDefaultDevice(await paths[path]());
    const xs = [0, 6, -3, 3, -0];
    for (const op of ['relu', 'relu6', 'hardswish', 'leaky_relu'] as const) {
      const x = Tensor.from(xs, [5], { requiresGrad: true });
      backward(pointwise(op, x), Tensor.ones([5]));
      const ones = { shape: [5], data: new Float64Array(5).fill(1) };
      const input = { shape: [5], data: Float64Array.from(xs) };
      expectClose(op, await x.grad!.data(), references[op]!.backward({ input }, {}, ones).input!, 0, 1e-7);
    }
  });

  it('gelu and tanh keep their digits in the tails and near zero', async () => {
    setDefaultDevice(await paths[path]());
    // Φ(−1), Φ(−3), Φ(−5) and Φ(−8) to eight digits.
    const tails = { '-1': 0.15865525, '-3': 1.349898e-3, '-5': 2.8665157e-7, '-8': 6.2209606e-16 };
    for (const [x, expected] of Object.entries(tails)) {
      const y = await gelu(Tensor.from([Number(x)], [1])).item();
      expect(y / (Number(x) * expected)).toBeCloseTo(1, 5);
    }
    for (const x of [1e-20, 1e-4, 0.1, 0.199, 0.201].map(Math.fround)) {
      expect((await tanh(Tensor.from([x], [1])).item()) / Math.tanh(x)).toBeCloseTo(1, 6);
    }
  });

  it.each(['relu', 'relu6', 'sigmoid', 'tanh'] as const)('%s has its gradient from its output', async op => {
    setDefaultDevice(await paths[path]());
    const x = Tensor.from(
      Array.from({ length: 99 }, (_, i) => (i - 40) / 5),
      [99],
      { requiresGrad: true },
    );
    const dy = Tensor.full([99], 0.7);
    const y = pointwise(op, x);
    backward(y, dy);
    expectClose(op, await activationBackward(op, y, dy).data(), tensor([99], await x.grad!.data()), 0, 1e-6);
  });
});

it('every shader that ends in an activation has the same text for it', () => {
  const blocks = readdirSync(new URL('../../shaders/', import.meta.url))
    .map(file => /^\/\/ --- activations[^]*?^\/\/ --- end of activations/m.exec(shaderText(file.replace('.wgsl', ''))))
    .flatMap(match => match ?? []);
  expect(blocks.length).toBeGreaterThan(1);
  expect(new Set(blocks).size).toBe(1);
});

/** Derivatives by hand: these have no case in the goldens. */
const functions: Record<Exclude<PointwiseOp, Activation>, [(x: number) => number, (x: number) => number]> = {
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
