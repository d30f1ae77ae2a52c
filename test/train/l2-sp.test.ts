import { beforeAll, expect, it } from 'vitest';
import { Parameter, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { L2Sp, l2SpStrengths } from '../../src/train/l2-sp.js';
import { SGD } from '../../src/train/optim.js';
import { paths } from '../devices.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

const sizes = [1, 3, 64, 65, 130];
const wave = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * k + k)));

/** SGD with L2-SP on parameters of odd sizes: all but the second came from elsewhere, the third is exempt. */
function subject() {
  const parameters = sizes.map((size, i) => Parameter.of(wave(size, i + 1), [size]));
  const starts = sizes.map((size, i) => (i === 1 ? undefined : Float32Array.from(wave(size, i + 7))));
  const optimizer = new SGD(parameters, { lr: 0.1 });
  optimizer.penalty = new L2Sp(
    optimizer,
    { alpha: 0.3, beta: 0.05 },
    parameter => starts[parameters.indexOf(parameter)],
    new Set([parameters[2]!]),
  );
  /** What pulls, and where to. */
  const pulls = starts.map((start, i) => (i === 2 ? 0 : start ? 0.3 : 0.05));
  return { parameters, starts, optimizer, pulls };
}

it('adds the gradient of the penalty, in one launch more, as float64 arithmetic does', async () => {
  const { parameters, starts, optimizer, pulls } = subject();
  const { device } = parameters[0]!;
  const expected = sizes.map((size, i) => Float64Array.from(wave(size, i + 1)));
  for (let step = 0; step < 4; step++) {
    parameters.forEach((parameter, i) => {
      const gradient = wave(parameter.size, i + 10 * step + 0.5);
      parameter.grad = Tensor.from(gradient, parameter.shape).keep();
      expected[i]!.forEach((w, j) => {
        expected[i]![j] = w - 0.1 * (gradient[j]! + pulls[i]! * (w - (starts[i]?.[j] ?? 0)));
      });
    });
    const { launches } = device.counts;
    optimizer.step();
    expect(device.counts.launches - launches).toBe(2);
    optimizer.zeroGrad();
  }
  for (const [i, parameter] of parameters.entries()) {
    const values = await parameter.data();
    expected[i]!.forEach((value, j) => {
      expect(Math.abs(value - values[j]!)).toBeLessThan(1e-6);
    });
  }
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
});

it('comes before gradients are clipped, and leaves alone what has no gradient', async () => {
  const { parameters, starts, optimizer, pulls } = subject();
  optimizer.clipping = { norm: 0.5 };
  const before = await parameters[4]!.data();
  let squares = 0;
  parameters.slice(0, 4).forEach((parameter, i) => {
    const gradient = wave(parameter.size, i + 0.5);
    parameter.grad = Tensor.from(gradient, parameter.shape).keep();
    wave(parameter.size, i + 1).forEach((w, j) => {
      squares += (gradient[j]! + pulls[i]! * (w - (starts[i]?.[j] ?? 0))) ** 2;
    });
  });
  optimizer.step();
  expect(await optimizer.gradientNorm()).toBeCloseTo(Math.sqrt(squares), 4);
  expect(await parameters[4]!.data()).toEqual(before);
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
});

it('lies in memory as parameters do, whatever their shape', async () => {
  const shape = [4, 3, 3, 3];
  const parameter = Parameter.of(wave(108, 1), shape);
  const start = Float32Array.from(wave(108, 2));
  const optimizer = new SGD([parameter], { lr: 1 });
  optimizer.penalty = new L2Sp(optimizer, { alpha: 1, beta: 0 }, () => start);
  parameter.grad = Tensor.zeros(shape).keep();
  // w − (w − start)
  optimizer.step();
  (await parameter.data()).forEach((value, i) => {
    expect(value).toBeCloseTo(start[i]!, 6);
  });
  optimizer.dispose();
  parameter.dispose();
});

it('takes alpha for beta where that is not given', () => {
  expect(l2SpStrengths([0.1])).toEqual({ alpha: 0.1, beta: 0.1 });
  expect(l2SpStrengths([0.1, 0])).toEqual({ alpha: 0.1, beta: 0 });
});
