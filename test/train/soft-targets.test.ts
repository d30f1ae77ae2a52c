import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drawTargets, type DataSet, type Split } from '../../src/data/dataset.js';
import type { Device } from '../../src/gpu/device.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { scope } from '../../src/tensor/index.js';
import { Batches, inOrder } from '../../src/train/batches.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { Reporter, TrainOptions } from '../../src/train/types.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';

const CLASSES = ['a', 'b', 'c'];
const K = CLASSES.length;
const SIZE = 48;

/** Noise with targets of all kinds; labels are the first of the largest. */
function softSplit(count: number, seed: number): Split {
  const random = new RandomStream(seed, 60);
  const targets = Float32Array.from({ length: count * K }, () => random.integer(5));
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const row = targets.subarray(i * K, (i + 1) * K);
    row[i % K]! += 3;
    const sum = row.reduce((a, b) => a + b);
    for (let k = 0; k < K; k++) row[k]! /= sum;
    labels[i] = row.indexOf(Math.max(...row));
  }
  const images = Uint8Array.from({ length: count * SIZE * SIZE }, () => random.integer(256));
  return { count, images, labels, targets };
}

const data: DataSet = {
  ...{ name: 'soft', classes: CLASSES, channels: 1, height: SIZE, width: SIZE, fingerprint: 'soft' },
  splits: { train: softSplit(40, 1), val: softSplit(10, 2), test: softSplit(10, 3) },
};

const quiet: Reporter = {
  start: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
  saved: () => undefined,
  end: () => undefined,
  note: () => undefined,
};

const options: TrainOptions = {
  ...{ model: 'simple-mlp', data: 'soft', epochs: 2, batchSize: 16, lr: 1e-3, optimizer: 'adam' },
  ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 7 },
};

describe('drawTargets', () => {
  const { targets, count } = data.splits.train;
  const draw = (seed: number, epoch: number, order = inOrder(count)) => {
    const out = new Float32Array(order.length * K);
    drawTargets(targets!, K, order, 0, order.length, out, seed, epoch);
    return Array.from({ length: order.length }, (_, i) => out.subarray(i * K, (i + 1) * K).indexOf(1));
  };

  it('draws one-hot rows by seed, epoch and image, wherever the image stands', () => {
    const drawn = draw(1, 1);
    expect(draw(1, 1)).toEqual(drawn);
    expect(draw(1, 2)).not.toEqual(drawn);
    expect(draw(2, 1)).not.toEqual(drawn);
    expect(draw(1, 1, inOrder(count).reverse())).toEqual([...drawn].reverse());
  });

  it('draws each class as often as its target says', () => {
    const epochs = 4000;
    const counts = Array.from({ length: count * K }, () => 0);
    for (let epoch = 1; epoch <= epochs; epoch++) draw(3, epoch).forEach((k, i) => counts[i * K + k]!++);
    counts.forEach((times, i) => {
      const p = targets![i]!;
      // Five standard deviations of a binomial share.
      expect(Math.abs(times / epochs - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / epochs));
    });
  });

  it('never draws a class of probability 0, also where rounding leaves the sum below 1', () => {
    const row = Float32Array.of(0.3, 0.69999, 0);
    const out = new Float32Array(3);
    for (let epoch = 0; epoch < 20_000; epoch++) {
      drawTargets(row, 3, Uint32Array.of(0), 0, 1, out, 5, epoch);
      expect([...out].reduce((a, b) => a + b)).toBe(1);
      expect(out[2]).toBe(0);
    }
  });
});

describe('training with soft targets', () => {
  let device: Device;
  let folder: string;
  beforeAll(async () => {
    device = await paths.native();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-soft-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function run(name: string, of: DataSet, epochs: number, resume = false) {
    const path = join(folder, name);
    const runFolder = resume ? await RunFolder.open(path) : await RunFolder.create(path);
    const context = { run: runFolder, reporter: quiet, signal: new AbortController().signal, resume, version: 'test' };
    const summary = await train(device, of, { ...options, epochs }, context);
    const { tensors } = decodeSafeTensors(await readFile(runFolder.last));
    return { summary, weights: [...tensors].map(([key, { data }]) => [key, [...data]]) };
  }

  it('gives batches their targets, and those of an epoch what is drawn', async () => {
    const { train: split } = data.splits;
    const normalisation = { mean: [0.5], std: [0.25] };
    const order = inOrder(split.count).reverse();
    const load = async (drawSeed: number | undefined, epoch: number) => {
      const batches = new Batches(device, data, split, 16, normalisation, undefined, drawSeed);
      const { labels, target } = scope(() => {
        const batch = batches.load(order, 2, epoch);
        return { labels: batch.labels.keep(), target: batch.target.keep() };
      });
      const found = [[...(await labels.data())], [...(await target.data())]];
      labels.dispose();
      target.dispose();
      return found;
    };
    // The third batch of 40 images in reverse: images 7 to 0.
    const images = [7, 6, 5, 4, 3, 2, 1, 0];
    const [labels, targets] = await load(undefined, 1);
    expect(labels).toEqual(images.map(i => split.labels[i]));
    expect(targets).toEqual(images.flatMap(i => [...split.targets!.subarray(i * K, (i + 1) * K)]));
    const expected = new Float32Array(8 * K);
    drawTargets(split.targets!, K, Uint32Array.from(images), 0, 8, expected, 9, 4);
    expect((await load(9, 4))[1]).toEqual([...expected]);
  });

  it('counts accuracy against the first of the largest, and loses by the whole distribution', async () => {
    const hard = { ...data.splits.val };
    delete (hard as { targets?: Float32Array }).targets;
    const soft = await run('soft', data, 1);
    const other = await run('hard', { ...data, splits: { ...data.splits, val: hard } }, 1);
    expect(soft.weights).toEqual(other.weights);
    expect(soft.summary.bestValAccuracy).toBe(other.summary.bestValAccuracy);
    expect(soft.summary.bestValLoss).not.toBe(other.summary.bestValLoss);
  });

  it('resumes to the same bits where labels are drawn, which are not those of the distribution', async () => {
    const drawing = { ...data, drawsTargets: true };
    const whole = await run('whole', drawing, 2);
    await run('parts', drawing, 1);
    const parts = await run('parts', drawing, 2, true);
    expect(parts.weights).toEqual(whole.weights);
    expect((await run('soft', data, 2)).weights).not.toEqual(whole.weights);
  });
});
