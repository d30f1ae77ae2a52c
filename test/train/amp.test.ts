import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../src/data/dataset.js';
import type { Device } from '../../src/gpu/device.js';
import { ampProblem } from '../../src/gpu/matrices.js';
import { openDevice } from '../../src/gpu/node.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { Reporter, TrainOptions } from '../../src/train/types.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { openEmulated } from '../emulated-matrices.js';

let folder: string;
let emulated: Device;
/** The same run under mixed precision and in f32. */
let amp: Awaited<ReturnType<typeof run>>;
let f32: typeof amp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-test-'));
  emulated = await openEmulated();
  amp = await run(emulated, 'amp');
  f32 = await run(await paths.native(), 'f32');
});
afterAll(async () => {
  emulated.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** Images that are bright in the upper or in the lower half. */
function halves(count: number, seed: number): Split {
  const random = new RandomStream(seed, 50);
  const labels = Uint8Array.from({ length: count }, () => random.integer(2));
  const images = Uint8Array.from({ length: count * 64 }, (_, i) => {
    const half = Math.floor((i % 64) / 32);
    return random.integer(80) + (half === labels[Math.floor(i / 64)] ? 120 : 0);
  });
  return { count, images, labels };
}

const data: DataSet = {
  ...{ name: 'halves', classes: ['upper', 'lower'], channels: 1, height: 8, width: 8, fingerprint: 'halves' },
  splits: { train: halves(64, 1), val: halves(16, 2), test: halves(16, 3) },
};

const options: TrainOptions = {
  ...{ model: 'improved-mlp', inputSize: 8, data: 'halves', epochs: 2, batchSize: 16, lr: 1e-3, optimizer: 'adam' },
  ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 7 },
};

interface Sitting {
  stopAfter?: number;
  resume?: boolean;
  /** Steps, from 1, one of whose gradients overflows. */
  overflows?: readonly number[];
  /** What the run has in place of `options`. */
  other?: Partial<TrainOptions>;
}

/** Trains, or goes on with what is there; stops after so many steps. */
async function run(
  device: Device,
  name: string,
  { stopAfter = Infinity, resume = false, overflows = [], other = {} }: Sitting = {},
) {
  const path = join(folder, name);
  const controller = new AbortController();
  const dispatch = device.dispatch.bind(device);
  let steps = 0;
  device.dispatch = call => {
    if (call.entry === 'unscale' && overflows.includes(steps + 1)) {
      device.write(call.bindings['gradient']!, Float32Array.of(Infinity));
    }
    dispatch(call);
    const updates = call.shader === 'optimizer' && !call.entry.startsWith('ema');
    if (updates && ++steps === stopAfter) controller.abort();
  };
  const none = () => undefined;
  const reporter: Reporter = { start: none, step: none, epoch: none, saved: none, end: none, note: none };
  const runFolder = resume ? await RunFolder.open(path) : await RunFolder.create(path);
  try {
    const context = { run: runFolder, reporter, signal: controller.signal, resume, version: 'test' };
    const summary = await train(device, data, { ...options, ...other }, context);
    const { tensors, metadata } = decodeSafeTensors(await readFile(join(path, 'last.safetensors')));
    const training = JSON.parse(metadata['training']!) as {
      scaler?: object;
      optimizerSteps: number[];
      averageSteps?: number;
      step: number;
    };
    return { summary, tensors: [...tensors].map(([name, { data }]) => [name, [...data]]), training };
  } finally {
    device.dispatch = dispatch;
  }
}

describe('training under mixed precision, on emulated matrices', () => {
  it('learns, and saves the scale of the loss', () => {
    const { summary, training } = amp;
    expect(summary.bestValAccuracy).toBeGreaterThan(0.9);
    expect(training.scaler).toEqual({ scale: 2 ** 16, growthTracker: 8 });
    expect(new Set(training.optimizerSteps)).toEqual(new Set([8]));
  });

  it('rounds otherwise than f32, and not by much', () => {
    expect(f32.training.scaler).toBeUndefined();
    expect(amp.tensors).not.toEqual(f32.tensors);
    expect(Math.abs(amp.summary.bestValLoss! - f32.summary.bestValLoss!)).toBeLessThan(0.02);
  });

  it('stopped and resumed equals the run that never stopped, to the bit', async () => {
    const stopped = await run(emulated, 'stopped', { stopAfter: 6 });
    expect(stopped.training.step).toBe(2);
    expect(stopped.training.scaler).toEqual({ scale: 2 ** 16, growthTracker: 6 });
    const resumed = await run(emulated, 'stopped', { resume: true });
    expect(resumed.tensors).toEqual(amp.tensors);
    expect(resumed.training.scaler).toEqual(amp.training.scaler);
  });

  // What differs at the first update: SGD's gain under dampening, Adam's corrections, that the average begins as a copy.
  it.each([
    ['sgd', 1, [1]],
    ['adam', 6, [1, 2, 6]],
  ] as const)('so it does under %s, stopped after step %i, where steps %j overflow', async (optimizer, stop, steps) => {
    const name = `${optimizer}-${stop}`;
    const sgd = { lr: 1e-2, momentum: 0.9, dampening: 0.5 };
    const other = { optimizer, ema: 0.9, emaWarmup: true, ...(optimizer === 'sgd' ? sgd : {}) };
    const whole = await run(emulated, `${name}-whole`, { overflows: steps, other });
    expect(new Set(whole.training.optimizerSteps)).toEqual(new Set([8 - steps.length]));
    expect(whole.training.averageSteps).toBe(8 - steps.length);
    await run(emulated, name, { overflows: steps, other, stopAfter: stop });
    const resumed = await run(emulated, name, { resume: true, other });
    // By name: a difference between all values would take minutes to print.
    const differing = resumed.tensors.filter(([, data], i) => !isDeepStrictEqual(data, whole.tensors[i]![1]));
    expect(differing.map(([name]) => name)).toEqual([]);
    expect(resumed.training).toMatchObject({
      scaler: whole.training.scaler!,
      optimizerSteps: whole.training.optimizerSteps,
      averageSteps: whole.training.averageSteps,
    });
  });
});

describe('mixed precision on an adapter without subgroup matrices', () => {
  it('gives the bits of f32', async context => {
    const asked = await openDevice({ precision: 'amp' });
    try {
      context.skip(asked.matrices !== undefined, 'this adapter has them');
      expect(ampProblem(asked)).toBeDefined();
      const fallen = await run(asked, 'fallen');
      expect(fallen.training.scaler).toBeUndefined();
      expect(fallen.tensors).toEqual(f32.tensors);
    } finally {
      asked.destroy();
    }
  });
});
