import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../src/data/dataset.js';
import type { Device } from '../../src/gpu/device.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { loadWeights } from '../../src/train/checkpoint.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { EpochRow, Reporter, RunStart, StepProgress, TrainOptions, TrainSummary } from '../../src/train/types.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';

let device: Device;
let folder: string;

beforeAll(async () => {
  device = await paths.native();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-test-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Images whose brightness in one of three bands is their class: learned in a few steps. */
function bands(count: number, seed: number): Split {
  const random = new RandomStream(seed, 50);
  const labels = Uint8Array.from({ length: count }, () => random.integer(3));
  const images = Uint8Array.from({ length: count * 2304 }, (_, i) => {
    const band = Math.floor((i % 2304) / 768);
    return random.integer(80) + (band === labels[Math.floor(i / 2304)] ? 120 : 0);
  });
  return { count, images, labels };
}

function bandData(train: number, val = 20, test = 20): DataSet {
  return {
    ...{ name: 'bands', classes: ['top', 'middle', 'bottom'], channels: 1, height: 48, width: 48 },
    splits: { train: bands(train, 1), val: bands(val, 2), test: bands(test, 3) },
    fingerprint: 'bands',
  };
}

class Recorder implements Reporter {
  readonly epochs: EpochRow[] = [];
  readonly steps: StepProgress[] = [];
  readonly notes: string[] = [];
  started: RunStart | undefined;
  summary: TrainSummary | undefined;
  constructor(private readonly onSaved: () => void = () => undefined) {}
  start(info: RunStart): void {
    this.started = info;
  }
  step(progress: StepProgress): void {
    this.steps.push(progress);
  }
  epoch(row: EpochRow): void {
    this.epochs.push(row);
  }
  saved(): void {
    this.onSaved();
  }
  end(summary: TrainSummary): void {
    this.summary = summary;
  }
  note(text: string): void {
    this.notes.push(text);
  }
}

const base: TrainOptions = {
  ...{ model: 'improved-mlp', data: 'bands', epochs: 3, batchSize: 16, lr: 1e-3, optimizer: 'adam' },
  ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 7 },
};

async function run(
  name: string,
  data: DataSet,
  options: Partial<TrainOptions> = {},
  { resume = false, signal = new AbortController().signal, reporter = new Recorder() } = {},
) {
  const path = join(folder, name);
  const runFolder = resume ? await RunFolder.open(path) : await RunFolder.create(path);
  const summary = await train(
    device,
    data,
    { ...base, ...options },
    { run: runFolder, reporter, signal, resume, version: 'test' },
  );
  return { path, summary, reporter };
}

/** Everything in a checkpoint that decides what follows; times are left out. */
async function stateOf(path: string) {
  const { tensors, metadata } = decodeSafeTensors(await readFile(path));
  const training = JSON.parse(metadata.training ?? '{}') as {
    history?: EpochRow[];
    epochs?: number;
    step?: number;
    generator?: unknown;
    optimizerSteps?: number[];
  };
  return {
    tensors: [...tensors].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
    position: [training.epochs, training.step, training.generator, training.optimizerSteps],
    history: training.history?.map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 })),
  };
}

/** A signal that aborts when the data set's split is about to give its n-th batch: between two steps, at a known place. */
function abortAtBatch(data: DataSet, n: number): { data: DataSet; signal: AbortSignal } {
  const controller = new AbortController();
  let reads = 0;
  const images = new Proxy(data.splits.train.images, {
    get(target, key) {
      if (key === 'subarray') {
        return (start: number, end: number) => {
          if (++reads > n * base.batchSize) controller.abort();
          return target.subarray(start, end);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return {
    data: { ...data, splits: { ...data.splits, train: { ...data.splits.train, images } } },
    signal: controller.signal,
  };
}

describe('train', () => {
  it('learns, writes its files, and tests the best weights', async () => {
    const { path, summary, reporter } = await run('learns', bandData(200), { model: 'simple-mlp' });
    expect(summary.bestValAccuracy).toBeGreaterThan(0.9);
    expect(summary.testAccuracy).toBeGreaterThan(0.8);
    expect(summary.interrupted).toBe(false);
    expect(reporter.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(reporter.epochs[2]!.trainLoss).toBeLessThan(reporter.epochs[0]!.trainLoss);
    const { info } = await loadWeights(join(path, 'best.safetensors'));
    expect(info).toMatchObject({ model: 'simple-mlp', classes: ['top', 'middle', 'bottom'], epoch: summary.bestEpoch });
    expect((await readFile(join(path, 'metrics.csv'), 'utf8')).trim().split('\n')).toHaveLength(4);
    expect(JSON.parse(await readFile(join(path, 'summary.json'), 'utf8'))).toEqual(summary);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const data = bandData(60);
    const [a, b, c] = [await run('a', data), await run('b', data), await run('c', data, { seed: 8 })];
    const states = await Promise.all([a, b, c].map(({ path }) => stateOf(join(path, 'last.safetensors'))));
    expect(states[1]).toEqual(states[0]);
    expect(states[2]!.tensors).not.toEqual(states[0]!.tensors);
  });

  // 60 images make 4 steps an epoch: in the middle of the first epoch, of the second, and at an epoch's end.
  it.each([
    ['adam', 2, {}],
    ['adam', 6, {}],
    ['adam', 8, {}],
    ['sgd', 5, {}],
    ['adam', 6, { sampler: 'weighted', classWeights: 'effective:0.9' }],
    ['adam', 7, { sampler: 'oversample', classWeights: 'balanced' }],
  ] as const)(
    '%s stopped at step %i and resumed equals the run that never stopped, to the bit %o',
    async (optimizer, step, sampling) => {
      const options = { optimizer, momentum: optimizer === 'sgd' ? 0.9 : 0, lr: 1e-2, ...sampling };
      const data = bandData(60);
      const whole = await run('whole', data, options);
      const stopping = abortAtBatch(data, step);
      const stopped = await run('stopped', stopping.data, options, { signal: stopping.signal });
      expect(stopped.summary.interrupted).toBe(true);
      expect(stopped.summary.epochs).toBeLessThan(3);
      const resumed = await run('stopped', data, options, { resume: true });
      expect(resumed.summary.interrupted).toBe(false);
      for (const file of ['last.safetensors', 'best.safetensors']) {
        expect(await stateOf(join(resumed.path, file))).toEqual(await stateOf(join(whole.path, file)));
      }
      expect(resumed.summary.testLoss).toBe(whole.summary.testLoss);
    },
  );

  it('goes on after more epochs are asked for', async () => {
    const data = bandData(40);
    const whole = await run('whole', data, { epochs: 4 });
    await run('longer', data, { epochs: 2 });
    const longer = await run('longer', data, { epochs: 4 }, { resume: true });
    expect(await stateOf(join(longer.path, 'last.safetensors'))).toEqual(
      await stateOf(join(whole.path, 'last.safetensors')),
    );
  });

  it('leaves out a last batch of one image, which has no batch statistics', async () => {
    const { reporter } = await run('leftover', bandData(33), { epochs: 1 });
    expect(reporter.steps.at(-1)).toMatchObject({ step: 2, steps: 2, images: 32 });
  });

  it('refuses batches of one image for a network with batch normalisation', async () => {
    await expect(run('single', bandData(20), { batchSize: 1 })).rejects.toThrow(
      'improved-mlp has batch normalisation, which needs batches of two images or more',
    );
  });

  it('stops at a loss that is not finite, with the step and the first bad tensor, and keeps what was saved', async () => {
    const data = bandData(64);
    const failing = run('diverges', data, { model: 'simple-cnn', optimizer: 'sgd', lr: 1e6, epochs: 2 });
    await expect(failing).rejects.toThrow(
      /not finite at epoch 1, step [234]: the first bad tensor is .*(features|classifier)\.\d+\.weight.*smaller --lr/,
    );
    const unlit = bandData(20);
    await expect(run('nothing', { ...unlit, splits: { ...unlit.splits, val: bands(0, 2) } })).rejects.toThrow(
      'no validation images',
    );
  });

  it('oversamples: an epoch is as long as the largest class times the classes', async () => {
    const data = bandData(60);
    const counts = [0, 1, 2].map(k => data.splits.train.labels.filter(label => label === k).length);
    const images = 3 * Math.max(...counts);
    const { reporter } = await run('oversampled', data, { epochs: 1, sampler: 'oversample' });
    expect(reporter.started!.epochImages).toBe(images);
    expect(reporter.steps.at(-1)).toMatchObject({ images, steps: Math.ceil(images / 16) });
    expect(reporter.notes).toEqual([]);
  });

  it('weighs classes in the training loss, not in validation, and warns of weights far apart', async () => {
    const data = bandData(60);
    // One step that hardly moves: losses of the same network.
    const still = { epochs: 1, batchSize: 60, lr: 1e-12, model: 'simple-mlp' };
    const plain = await run('plain', data, still);
    const alike = await run('alike', data, { ...still, classWeights: '3,3,3' });
    const apart = await run('apart', data, { ...still, classWeights: '1,1,40' });
    const [row, same, other] = [plain, alike, apart].map(({ reporter }) => reporter.epochs[0]!);
    expect(same!.trainLoss).toBeCloseTo(row!.trainLoss, 5);
    expect(Math.abs(other!.trainLoss - row!.trainLoss)).toBeGreaterThan(1e-3);
    expect(other!.valLoss).toBeCloseTo(row!.valLoss, 5);
    expect(apart.reporter.started!.classWeights).toEqual({ top: 1, middle: 1, bottom: 40 });
    expect(apart.reporter.notes.join()).toMatch(/warning: bottom weighs 40.0 times as much as top/);
    expect(alike.reporter.notes).toEqual([]);
  });

  it.each([{ sampler: 'weighted' }, { sampler: 'oversample' }, { classWeights: 'inverse-sqrt' }])(
    '%o refuses a class without images before anything is written',
    async options => {
      const data = { ...bandData(20), classes: ['top', 'middle', 'bottom', 'nowhere'] };
      await expect(run('empty', data, options)).rejects.toThrow('no training image of nowhere');
      await expect(RunFolder.open(join(folder, 'empty'))).rejects.toThrow('no such run folder');
    },
  );

  it('gives its memory back', async () => {
    const data = bandData(20);
    await run('warm', data, { epochs: 1, classWeights: 'balanced' });
    const { liveCount, liveBytes } = device.pool;
    await run('again', data, { epochs: 1, classWeights: 'balanced' });
    expect([device.pool.liveCount, device.pool.liveBytes]).toEqual([liveCount, liveBytes]);
  });

  it('resizes images of another size for the network', async () => {
    const { path, summary } = await run('size', { ...bandData(20), width: 24, height: 96 }, { epochs: 1 });
    expect(summary.epochs).toBe(1);
    const { state } = await loadWeights(join(path, 'last.safetensors'));
    expect(state.get('net.0.weight')?.shape).toEqual([512, 48 * 48]);
  });

  it('refuses images of other channels than a colour network can take', async () => {
    const flat = { ...bandData(20), width: 24, channels: 2 };
    await expect(run('channels', flat, { model: 'resnet18', inputSize: 32 })).rejects.toThrow(
      'resnet18 takes images of 1 or 3 channels; bands has 2',
    );
  });
});
