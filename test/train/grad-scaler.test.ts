import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { linear, mean } from '../../src/kernels/index.js';
import { backward, Parameter, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { GradScaler, type ScalerOptions } from '../../src/train/grad-scaler.js';
import { Adam, SGD, type Optimizer } from '../../src/train/optim.js';
import { paths } from '../devices.js';

let device: Device;
beforeAll(async () => {
  device = await paths.native();
});
beforeEach(() => {
  setDefaultDevice(device);
});

const wave = (n: number, k: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * k + k));

/** Two parameters of odd sizes, an optimiser, and a scaler or none. */
class Bench {
  readonly parameters = [5, 131].map((size, i) => Parameter.of(wave(size, i + 1), [size]));
  readonly optimizer: Optimizer;
  readonly totals = Tensor.zeros([4]).keep();
  readonly scaler: GradScaler | undefined;

  constructor(make: (parameters: Parameter[]) => Optimizer, options?: ScalerOptions) {
    this.optimizer = make(this.parameters);
    this.scaler = options && new GradScaler(device, options);
  }

  /** A step with gradients that depend on `k` alone; `bad` stands in place of one of them. */
  step(k: number, scale = 1, bad?: number): void {
    this.parameters.forEach((parameter, i) => {
      const gradient = wave(parameter.size, i + 10 * k + 0.5).map(value => value * scale);
      if (bad !== undefined && i === 1) gradient[130] = bad;
      parameter.grad = Tensor.from(gradient, parameter.shape).keep();
    });
    this.optimizer.step(this.totals.slice, this.scaler);
    this.optimizer.zeroGrad();
  }

  /** Every bit that training goes on from. */
  async bits(): Promise<number[]> {
    const tensors = [...this.parameters, ...this.optimizer.state().flatMap(state => Object.values(state))];
    const data = [];
    for (const tensor of tensors) data.push(...new Uint32Array((await tensor.data()).slice().buffer));
    return data;
  }

  state() {
    return this.scaler!.settle(this.optimizer);
  }
}

const sgd = (parameters: Parameter[]) => new SGD(parameters, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 });
const dampened = (parameters: Parameter[]) => new SGD(parameters, { lr: 0.1, momentum: 0.9, dampening: 0.5 });
const adam = (parameters: Parameter[]) => new Adam(parameters, { lr: 0.01 });

describe('GradScaler', () => {
  it('begins backward at the scale, so that gradients come multiplied by it', async () => {
    const scaler = new GradScaler(device, { initScale: 1024 });
    const x = Tensor.from([1, 2, 3, 4], [1, 4], { requiresGrad: true });
    scope(() => {
      const loss = mean(linear(x, Tensor.from([1, 10, 100, 1000], [1, 4])));
      backward(loss, scaler.seed(loss));
    });
    expect([...(await x.grad!.data())]).toEqual([1024, 10240, 102400, 1024000]);
    scaler.dispose();
  });

  it('does not change a bit of what SGD does', async () => {
    const [plain, scaled] = [new Bench(sgd), new Bench(sgd, { initScale: 2 ** 16 })];
    for (let k = 0; k < 3; k++) {
      plain.step(k);
      scaled.step(k, 2 ** 16);
    }
    expect(await scaled.bits()).toEqual(await plain.bits());
  });

  it.each([Infinity, -Infinity, NaN])('%s in a gradient: the step is left out, the scale halved', async bad => {
    const bench = new Bench(adam, { initScale: 8 });
    bench.step(0, 8);
    const before = await bench.bits();
    bench.step(1, 8, bad);
    expect(await bench.bits()).toEqual(before);
    expect(await bench.state()).toEqual({ scale: 4, growthTracker: 0 });
    expect(bench.optimizer.steps).toEqual([1, 1]);
  });

  it('goes on after steps that were left out as if they had never been', async () => {
    for (const make of [sgd, dampened, adam]) {
      const [plain, scaled] = [new Bench(make), new Bench(make, { initScale: 32 })];
      scaled.step(7, 32, Infinity);
      scaled.step(8, 16, Infinity);
      let scale = 8;
      for (let k = 0; k < 6; k++) {
        plain.step(k);
        if (k === 3) {
          scaled.step(k, scale, NaN);
          scale /= 2;
        }
        scaled.step(k, scale);
      }
      const [expected, actual] = [await plain.parameters[1]!.data(), await scaled.parameters[1]!.data()];
      const worst = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
      // Adam's corrections are worked out in f32 there.
      expect(worst).toBeLessThan(make === adam ? 3e-7 : 1e-30);
      expect(await scaled.state()).toEqual({ scale: 4, growthTracker: 3 });
      expect(scaled.optimizer.steps).toEqual(plain.optimizer.steps);
    }
  });

  it('corrects for the early steps of Adam at any number of updates', async () => {
    for (const steps of [0, 1, 9, 100, 5000]) {
      const [plain, scaled] = [new Bench(adam), new Bench(adam, { initScale: 1 })];
      for (const { optimizer } of [plain, scaled]) optimizer.steps = [steps, steps];
      plain.step(1);
      scaled.step(1);
      const [expected, actual] = [await plain.parameters[0]!.data(), await scaled.parameters[0]!.data()];
      expected.forEach((value, i) => {
        expect(Math.abs(value - actual[i]!), `after ${steps}`).toBeLessThan(2e-7);
      });
    }
  });

  it('doubles the scale after so many good steps in a row', async () => {
    const bench = new Bench(sgd, { initScale: 4, growthInterval: 3 });
    bench.step(0, 4);
    bench.step(1, 4);
    bench.step(2, 4, Infinity);
    for (let k = 0; k < 2; k++) bench.step(k, 2);
    expect(await bench.state()).toEqual({ scale: 2, growthTracker: 2 });
    bench.step(3, 2);
    expect(await bench.state()).toEqual({ scale: 4, growthTracker: 0 });
  });

  it('a saved state goes on to the same bits', async () => {
    const whole = new Bench(adam, { growthInterval: 3 });
    const interrupted = new Bench(adam, { growthInterval: 3 });
    const scales = [2 ** 16, 2 ** 16, 2 ** 15, 2 ** 15, 2 ** 15, 2 ** 16, 2 ** 16];
    for (let k = 0; k < scales.length; k++) {
      whole.step(k, scales[k], k === 1 ? Infinity : undefined);
      interrupted.step(k, scales[k], k === 1 ? Infinity : undefined);
      if (k !== 3) continue;
      // Reads the counts right, and makes a scaler anew: neither may show.
      const state = await interrupted.state();
      expect(state).toEqual({ scale: 2 ** 15, growthTracker: 2 });
      expect(interrupted.optimizer.steps).toEqual([3, 3]);
      interrupted.scaler!.load({ scale: 1, growthTracker: 0 });
      interrupted.scaler!.load(state, interrupted.optimizer.steps);
    }
    expect(await interrupted.bits()).toEqual(await whole.bits());
    expect(await interrupted.state()).toEqual(await whole.state());
    expect(interrupted.optimizer.steps).toEqual(whole.optimizer.steps);
  });

  it('leaves a loss that is not finite to those who stop the run', async () => {
    const bench = new Bench(sgd, { initScale: 8 });
    bench.step(0, 8);
    const before = await bench.bits();
    bench.totals.set(Float32Array.of(0, 0, 1, 1));
    bench.step(1, 8, NaN);
    expect(await bench.bits()).toEqual(before);
    expect((await bench.state()).scale).toBe(8);
  });

  it('looks only at parameters that have a gradient', async () => {
    const bench = new Bench(sgd, { initScale: 2 });
    bench.step(0, 2, Infinity);
    // The infinite gradient still lies in flat memory.
    const [first] = bench.parameters;
    const before = await first!.data();
    first!.grad = Tensor.from(wave(5, 3), [5]).keep();
    bench.optimizer.step(bench.totals.slice, bench.scaler);
    expect(await first!.data()).not.toEqual(before);
    expect(await bench.state()).toEqual({ scale: 1, growthTracker: 1 });
    expect(bench.optimizer.steps).toEqual([1, 0]);
  });

  it('says so when no scale helps, and takes powers of two only', async () => {
    const bench = new Bench(sgd, { initScale: 2 ** -20 });
    bench.step(0, 1, NaN);
    await expect(bench.state()).rejects.toThrow('--precision f32');
    expect(() => new GradScaler(device, { initScale: 3 })).toThrow('power of two, not 3');
  });
});
