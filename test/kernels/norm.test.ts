import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, type Activation } from '../../src/kernels/activation.js';
import { batchNorm, relu } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { pathNames, paths } from '../devices.js';
import { batchNormRunning } from '../reference/index.js';
import { checkOp, expectClose, randomTensor } from './check.js';

const shapes = [
  [2, 1],
  [16, 12],
  [5, 7],
  [4, 6, 5, 5],
  [2, 8, 1, 1],
  [3, 300, 2, 2],
  [2, 16, 33, 9],
  [1, 4, 9, 9],
];
const offset = (random: RandomStream) => 0.7 + 3 * (random.uniform() - 0.5);

describe.each(pathNames)('batch normalisation on the %s path', path => {
  it.each(shapes.map(shape => [shape]))('of %j in training', async shape => {
    const c = [shape[1]!];
    // Two rows a channel normalise to ±1 whatever the input, so their gradients are differences of almost equal numbers.
    const atol = shape[0] === 2 && shape.length === 2 ? 1e-3 : 5e-5;
    await checkOp(path, 'batch_norm_train', { input: shape, weight: c, bias: c }, {}, { value: offset, atol });
  });

  it.each(shapes.map(shape => [shape]))('of %j in evaluation', async shape => {
    const c = shape[1]!;
    const running_mean = Array.from({ length: c }, (_, i) => Math.fround(Math.sin(i)));
    const running_var = Array.from({ length: c }, (_, i) => Math.fround(1.1 + Math.cos(i)));
    await checkOp(
      path,
      'batch_norm_eval',
      { input: shape, weight: [c], bias: [c] },
      { running_mean, running_var },
      { atol: 5e-5 },
    );
  });

  it('moves the running statistics as PyTorch does', async () => {
    setDefaultDevice(await paths[path]());
    const shape = [4, 6, 5, 5];
    const x = randomTensor(shape, new RandomStream(3, 1), offset);
    const before = {
      running_mean: Float64Array.from([1, 2, 3, 4, 5, 6]),
      running_var: Float64Array.from([1, 1, 2, 2, 3, 3]),
    };
    const expected = batchNormRunning(x, before, 0.1);
    const runningMean = Tensor.from(before.running_mean, [6]);
    const runningVar = Tensor.from(before.running_var, [6]);
    batchNorm(Tensor.from(x.data, shape), runningMean, runningVar, Tensor.ones([6]), Tensor.zeros([6]), {
      training: true,
    });
    expectClose('running mean', await runningMean.data(), {
      shape: [6],
      data: Float64Array.from(expected.running_mean),
    });
    expectClose('running var', await runningVar.data(), { shape: [6], data: Float64Array.from(expected.running_var) });
  });

  it('keeps its precision when the mean is large', async () => {
    const value = (random: RandomStream) => 1000 + random.uniform();
    const shapes = { input: [64, 8, 4, 4], weight: [8], bias: [8] };
    await checkOp(path, 'batch_norm_train', shapes, {}, { value, rtol: 1e-3, atol: 1e-2 });
  });

  it('with a fused relu equals relu after it', async () => {
    setDefaultDevice(await paths[path]());
    const values = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.sin(i * k));
    const run = async (fused: boolean) => {
      const x = Tensor.from(values(3 * 4 * 9, 1.3), [3, 4, 3, 3], { requiresGrad: true });
      const w = Tensor.from([1, 0.5, 2, -1], [4], { requiresGrad: true });
      const b = Tensor.from([0.1, -0.2, 0, 0.3], [4], { requiresGrad: true });
      const running = [Tensor.zeros([4]), Tensor.ones([4])] as const;
      const plain = batchNorm(x, ...running, w, b, { training: true, activation: fused ? 'relu' : undefined });
      const y = fused ? plain : relu(plain);
      backward(y, Tensor.from(values(3 * 4 * 9, 0.9), y.shape));
      return Promise.all([y, x.grad!, w.grad!, b.grad!].map(tensor => tensor.data()));
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it.each(Object.keys(ACTIVATIONS))('ending in %s, with and without a residual', async activation => {
    for (const [input, c] of [
      [[3, 8, 5, 3], 8],
      [[70, 5], 5],
    ] as const) {
      const shapes = { input, weight: [c], bias: [c] };
      const statistics = { running_mean: new Array<number>(c).fill(0.25), running_var: new Array<number>(c).fill(0.5) };
      for (const all of [shapes, { ...shapes, residual: input }]) {
        await checkOp(path, 'batch_norm_train', all, { activation }, { value: offset, atol: 5e-5 });
        await checkOp(path, 'batch_norm_eval', all, { activation, ...statistics }, { value: offset, atol: 5e-5 });
      }
    }
  });

  it('adds a residual without an activation', async () => {
    const shapes = { input: [3, 8, 5, 3], weight: [8], bias: [8], residual: [3, 8, 5, 3] };
    await checkOp(path, 'batch_norm_train', shapes, {}, { value: offset, atol: 5e-5 });
  });

  it('lets NaN through every activation', async () => {
    setDefaultDevice(await paths[path]());
    const [zero, one] = [Tensor.zeros([1]), Tensor.ones([1])];
    for (const activation of Object.keys(ACTIVATIONS) as Activation[]) {
      const y = batchNorm(Tensor.from([NaN, 1], [2, 1]), zero, one, one, zero, { training: false, activation });
      expect((await y.data())[0], activation).toBeNaN();
    }
  });

  it('refuses a residual of another shape', async () => {
    setDefaultDevice(await paths[path]());
    const one = Tensor.ones([3]);
    const options = { training: true, residual: Tensor.zeros([2, 4]) };
    expect(() => batchNorm(Tensor.zeros([2, 3]), one, one, one, one, options)).toThrow('(2, 3) and (2, 4)');
  });

  it('refuses a single value a channel in training', async () => {
    setDefaultDevice(await paths[path]());
    const one = Tensor.ones([3]);
    expect(() => batchNorm(Tensor.zeros([1, 3]), one, one, one, one, { training: true })).toThrow('at least two');
  });
});
