import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { accumulateTotals, crossEntropy, scale } from '../../src/kernels/index.js';
import { backward, defaultGenerator, manualSeed, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { WeightAverage } from '../../src/train/ema.js';
import { GradScaler } from '../../src/train/grad-scaler.js';
import { createModel } from '../../src/train/model.js';
import { createOptimizer, type OptimizerName } from '../../src/train/optimisation.js';
import { RandomStream } from '../../src/util/random.js';
import { openEmulated } from '../emulated-matrices.js';

const BATCH = 16;
const BATCHES = 2;
/** Times this, the gradients of a batch go beyond f16's 65504 where matrices take them, and stay far within f32's range. */
const OVERFLOW = 2 ** 40;

let device: Device;
beforeAll(async () => {
  device = await openEmulated();
  setDefaultDevice(device);
});
afterAll(() => {
  device.destroy();
});

/** A network with all that a step under mixed precision moves: parameters, moments, their average, and the scale. */
class Training {
  readonly totals = Tensor.zeros([4]).keep();
  readonly model;
  readonly optimizer;
  readonly average;
  readonly scaler;

  constructor(optimizer: OptimizerName) {
    manualSeed(3);
    const form = { name: 'noise', channels: 1, height: 8, width: 8 };
    this.model = createModel({ model: 'improved-mlp', inputSize: 8 }, form, 2, false);
    const options = {
      optimizer,
      lr: 1e-2,
      weightDecay: 1e-3,
      momentum: optimizer === 'adam' ? 0 : 0.9,
      nesterov: false,
    };
    this.optimizer = createOptimizer(this.model, options);
    this.optimizer.clipping = { norm: 0.1 };
    this.average = new WeightAverage(this.optimizer, { decay: 0.5 });
    this.scaler = new GradScaler(device);
  }

  /** Step `k` over two batches; the loss of the batch `overflowing` counts so much that its gradients overflow. */
  step(k: number, overflowing?: number): void {
    for (let batch = 0; batch < BATCHES; batch++) {
      const random = new RandomStream(k, batch);
      const images = Float32Array.from({ length: BATCH * 64 }, () => random.uniform() - 0.5);
      const labels = Uint32Array.from({ length: BATCH }, () => random.integer(2));
      scope(() => {
        const logits = this.model.forward(Tensor.from(images, [BATCH, 1, 8, 8]));
        const target = Tensor.from(labels, [BATCH], { dtype: 'u32' });
        const loss = crossEntropy(logits, target);
        accumulateTotals(this.totals, logits, loss, target);
        const share = scale(loss, (batch === overflowing ? OVERFLOW : 1) / BATCHES);
        backward(share, this.scaler.seed(share));
        if (batch < BATCHES - 1) return;
        this.optimizer.step(this.totals.slice, this.scaler);
        this.average.update(this.scaler.guard);
        this.optimizer.zeroGrad();
      });
    }
  }

  /** Hashes of the bits of parameters, of moments and of the average. */
  async bits() {
    const hashOf = async (tensors: readonly Tensor[]) => {
      const hash = createHash('sha256');
      for (const tensor of tensors) hash.update(new Uint8Array((await tensor.data()).slice().buffer));
      return hash.digest('hex');
    };
    return {
      parameters: await hashOf(this.optimizer.parameters),
      moments: await hashOf(this.optimizer.state().flatMap(state => Object.values(state))),
      average: await hashOf(this.average.state()),
    };
  }

  /** Counts of updates and scale, read back. */
  async state() {
    const state = await this.scaler.settle(this.optimizer);
    return { ...state, steps: [...new Set(this.optimizer.steps)] };
  }

  dispose(): void {
    this.average.dispose();
    this.scaler.dispose();
    this.totals.dispose();
    this.optimizer.dispose();
    this.model.dispose();
  }
}

describe('a step whose gradients overflow, with accumulation, clipping by the norm and a moving average', () => {
  it.each([
    ['adam', 0],
    ['sgd', 1],
  ] as const)('of %s, in batch %i, leaves every bit of parameters, moments and average', async (name, overflowing) => {
    const training = new Training(name);
    const twin = new Training(name);
    try {
      for (const one of [training, twin]) {
        manualSeed(5);
        for (let k = 0; k < 2; k++) one.step(k);
      }
      const before = await training.bits();
      expect(await twin.bits()).toEqual(before);
      const norm = await training.optimizer.gradientNorm();
      // It clips, so that a norm which is not finite would reach every parameter.
      expect(norm).toBeGreaterThan(0.1);
      expect(norm).toBeLessThan(Infinity);

      const { offset } = defaultGenerator();
      training.step(9, overflowing);
      expect(await training.optimizer.gradientNorm()).not.toBeLessThan(Infinity);
      expect(await training.bits()).toEqual(before);
      // Losses were finite: it is not the run that is ill.
      const [lossSum, , images, bad] = await training.totals.data();
      expect(lossSum).toBeLessThan(Infinity);
      expect([images, bad]).toEqual([3 * BATCHES * BATCH, 0]);

      // Nothing of it is left behind: what follows is what follows without it, at half the scale.
      defaultGenerator().offset = offset;
      training.step(2);
      defaultGenerator().offset = offset;
      twin.scaler.load({ scale: 2 ** 15, growthTracker: 0 });
      twin.step(2);
      const after = await training.bits();
      for (const what of ['parameters', 'moments', 'average'] as const) expect(after[what]).not.toEqual(before[what]);
      expect(after).toEqual(await twin.bits());
      expect(await training.state()).toEqual({ scale: 2 ** 15, growthTracker: 1, steps: [3] });
    } finally {
      training.dispose();
      twin.dispose();
    }
  });
});
