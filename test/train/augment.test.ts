import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Augmenter, augmentersFor } from '../../src/data/augment/augmenter.js';
import { resolveSpec } from '../../src/data/augment/spec.js';
import type { AugmentSpec } from '../../src/data/augment/transforms.js';
import type { DataSet, Split } from '../../src/data/dataset.js';
import { evaluate } from '../../src/evaluate/evaluate.js';
import type { Device } from '../../src/gpu/device.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { Module } from '../../src/nn/index.js';
import { scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { Batches } from '../../src/train/batches.js';
import { resumedOptions } from '../../src/train/resumed-options.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { Reporter, TrainOptions } from '../../src/train/types.js';
import { validate } from '../../src/train/validate.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';

let device: Device;
let folder: string;

beforeAll(async () => {
  device = await paths.native();
  setDefaultDevice(device);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-augment-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function split(count: number, seed: number): Split {
  const random = new RandomStream(seed, 50);
  const images = Uint8Array.from({ length: count * 2304 }, () => random.integer(256));
  return { count, images, labels: Uint8Array.from({ length: count }, (_, i) => i % 3) };
}

const data: DataSet = {
  ...{ name: 'noise', classes: ['a', 'b', 'c'], channels: 1, height: 48, width: 48, fingerprint: 'noise' },
  splits: { train: split(40, 1), val: split(12, 2), test: split(6, 3) },
};
const norm = { mean: [0.5], std: [0.3] };
const silent: Reporter = {
  start: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
  saved: () => undefined,
  end: () => undefined,
  note: () => undefined,
};

async function run(name: string, augment: AugmentSpec | undefined, steps = Infinity, resume = false) {
  const options: TrainOptions = {
    ...{ model: 'simple-mlp', data: 'noise', epochs: 2, batchSize: 16, lr: 1e-2, optimizer: 'adam' },
    ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 3, ...(augment ? { augment } : {}) },
  };
  const path = join(folder, name);
  const runFolder = resume ? await RunFolder.open(path) : await RunFolder.create(path);
  // Aborted as it is asked for the so-manieth time: before each step.
  let asked = 0;
  const signal = Object.defineProperty(new AbortController().signal, 'aborted', { get: () => ++asked > steps });
  const context = { run: runFolder, reporter: silent, signal, resume, version: 'test' };
  const given = resume ? resumedOptions(runFolder.config, {}) : options;
  const summary = await train(device, data, given, context);
  const { tensors } = decodeSafeTensors(await readFile(runFolder.last));
  const bits = [...tensors].map(([key, { data: values }]) => [
    key,
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
  ]);
  return { summary, bits, path };
}

const spec = resolveSpec([
  'horizontal-flip',
  { affine: { degrees: 10, translate: [0.1, 0.1] } },
  { contrast: { factor: 0.2 } },
  { 'gaussian-noise': { sigma: 0.05 } },
  'random-erasing',
  { mixup: { alpha: 0.4 } },
]);

describe('training with an augmentation', () => {
  it('keeps the spec in config.json, and goes on after a stop as if there had been none, to the bit', async () => {
    const whole = await run('whole', spec);
    const config = JSON.parse(await readFile(join(whole.path, 'config.json'), 'utf8')) as {
      options: { augment: unknown };
    };
    expect(config.options.augment).toEqual(spec);
    const stopped = await run('stopped', spec, 5);
    expect(stopped.summary.interrupted).toBe(true);
    expect(stopped.bits).not.toEqual(whole.bits);
    const resumed = await run('stopped', undefined, Infinity, true);
    expect(resumed.summary.interrupted).toBe(false);
    expect(resumed.bits).toEqual(whole.bits);
    expect((await run('plain', undefined)).bits).not.toEqual(whole.bits);
  });

  it('refuses another spec for a resumed run, and shows both', async () => {
    const { path } = await run('begun', resolveSpec(['horizontal-flip']), 1);
    const { config } = await RunFolder.open(path);
    expect(resumedOptions(config, { augment: resolveSpec([{ 'horizontal-flip': { p: 0.5 } }]) })).toMatchObject({
      seed: 3,
    });
    expect(() => resumedOptions(config, { augment: resolveSpec([{ 'horizontal-flip': { p: 1 } }]) })).toThrow(
      '--augment [{"horizontal-flip":{"p":0.5}}], not [{"horizontal-flip":{"p":1}}]',
    );
  });

  it('trains on every crop, of the size that the network then has, and averages over them in tests', async () => {
    const crops = resolveSpec([{ 'five-crop': { size: 40 } }]);
    const { summary } = await run('crops', crops);
    expect(summary.interrupted).toBe(false);
    expect(summary.testLoss).toBeGreaterThan(0);
  });
});

/** Logits of an image: brightness of its first pixel, and nothing else. */
class FirstPixel extends Module {
  protected compute(x: Tensor): Tensor {
    const values = this.values.shift()!;
    return Tensor.from(values.slice(0, x.shape[0]! * 3), [x.shape[0]!, 3]);
  }
  constructor(readonly values: number[][]) {
    super();
  }
}

describe('batches with an augmentation', () => {
  const order = Uint32Array.of(4, 5, 6, 7, 8);

  it('repeat labels for the crops of training images, and not for those of a test', async () => {
    const { train: training, test } = augmentersFor(resolveSpec([{ 'five-crop': { size: 40 } }]), data, norm);
    const of = (augmenter: Augmenter | undefined) => {
      const batch = new Batches(device, data, data.splits.train, 3, norm, augmenter).load(order, 1);
      return { shape: batch.x.shape, size: batch.size, labels: batch.labels.data() };
    };
    const [trained, tested] = [of(training), of(test)];
    expect([trained.shape, tested.shape]).toEqual([
      [10, 1, 40, 40],
      [10, 1, 40, 40],
    ]);
    expect([trained.size, tested.size]).toEqual([2, 2]);
    // Images 7 and 8.
    expect([...(await trained.labels)]).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect([...(await tested.labels)]).toEqual([1, 2]);
  });

  it('have soft targets where images are mixed, and count accuracy by the larger share', async () => {
    const augmenter = new Augmenter(resolveSpec([{ mixup: { per: 'sample' } }]), 'train', data, norm, 5);
    const batches = new Batches(device, data, data.splits.train, 5, norm, augmenter);
    const { target, labels } = batches.load(order, 0, 2);
    const soft = await target.data();
    expect(target.shape).toEqual([5, 3]);
    const counted = [...(await labels.data())];
    for (let n = 0; n < 5; n++) {
      const row = [...soft.subarray(3 * n, 3 * n + 3)];
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect(row[counted[n]!]).toBe(Math.max(...row));
    }
    expect(counted).not.toEqual([1, 2, 0, 1, 2]);
  });

  it('average the answers to the crops of an image in validation and evaluation', async () => {
    const three: DataSet = { ...data, splits: { ...data.splits, val: split(3, 9) } };
    const { test } = augmentersFor(resolveSpec([{ 'five-crop': { size: 40 } }]), data, norm);
    const random = new RandomStream(1, 97);
    const logits = Array.from({ length: 3 * 5 * 3 }, () => 4 * random.uniform());
    // Two batches, of two images and of one.
    const answers = () => new FirstPixel([logits.slice(0, 30), logits.slice(30)]);
    const mean = [0, 1, 2].map(n =>
      [0, 1, 2].map(k => {
        const shares = [0, 1, 2, 3, 4].map(v => {
          const row = logits
            .slice((n * 5 + v) * 3)
            .slice(0, 3)
            .map(Math.exp);
          return row[k]! / row.reduce((a, b) => a + b, 0);
        });
        return shares.reduce((a, b) => a + b, 0) / 5;
      }),
    );
    const loss = -mean.reduce((sum, row, n) => sum + Math.log(row[n % 3]!), 0) / 3;
    const { val } = three.splits;
    const batches = new Batches(device, three, val, 2, norm, test);
    expect((await validate(device, answers(), batches, 3))!.loss).toBeCloseTo(loss, 5);
    const result = await evaluate(device, answers(), three, val, { ...norm, batchSize: 2, augmenter: test });
    expect(result.loss).toBeCloseTo(loss, 5);
    expect([...result.predictions]).toEqual(mean.map(row => row.indexOf(Math.max(...row))));
  });

  it('give their memory back', async () => {
    const given = resolveSpec([...spec.slice(0, 5), { 'gaussian-blur': { 'kernel-size': 3 } }, 'cutmix']);
    const batches = new Batches(device, data, data.splits.train, 5, norm, new Augmenter(given, 'train', data, norm));
    await device.settle();
    const { liveCount } = device.pool;
    for (let i = 0; i < 3; i++) scope(() => batches.load(order, 0).size);
    expect(device.pool.liveCount).toBe(liveCount);
  });
});
