import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Split } from '../../src/data/dataset.js';
import { evaluate } from '../../src/evaluate/evaluate.js';
import { classificationReport } from '../../src/evaluate/metrics/report.js';
import { confusionMatrix } from '../../src/evaluate/metrics/confusion.js';
import type { Device } from '../../src/gpu/device.js';
import { loadWeights } from '../../src/train/checkpoint.js';
import { createModel } from '../../src/train/model.js';
import { RunFolder } from '../../src/train/run.js';
import { paths } from '../devices.js';
import { abortAtBatch, bandData, bands, runIn, stateOf } from './small-run.js';

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

const run = (name: string, ...rest: Rest) => runIn(folder, name, ...rest);
type Rest = Parameters<typeof runIn> extends [string, string, ...infer Others] ? Others : never;

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

  it('tells the recall of each class on the validation and the test split', async () => {
    // Many of the second class are labelled as the third, so that not all of them can be told right.
    const confused = (split: Split): Split => ({
      ...split,
      labels: split.labels.map((label, n) => (label === 1 && n % 2 === 0 ? 2 : label)),
    });
    const { splits, ...data } = bandData(200, 40, 30);
    const without = { ...splits.test, labels: splits.test.labels.map(label => (label === 0 ? 1 : label)) };
    const trained = { ...data, splits: { ...splits, val: confused(splits.val), test: without } };
    const { path, summary } = await run('recall', trained, { model: 'simple-mlp' });
    const model = createModel({ model: 'simple-mlp' }, trained, 3, false);
    const { state, info } = await loadWeights(join(path, 'best.safetensors'));
    model.loadStateDict(state);
    for (const [split, recall, accuracy] of [
      ['val', summary.bestValRecall, summary.bestValAccuracy],
      ['test', summary.testRecall, summary.testAccuracy],
    ] as const) {
      const { predictions, labels, ...all } = await evaluate(device, model, trained, trained.splits[split], {
        ...{ mean: info!.mean, std: info!.std, batchSize: 7 },
      });
      expect(all.accuracy).toBeCloseTo(accuracy!, 6);
      const { perClass } = classificationReport(confusionMatrix(labels, predictions, 3));
      const expected = perClass.map(({ recall, support }) => (support > 0 ? recall : null));
      expect(recall).toEqual({ top: expected[0], middle: expected[1], bottom: expected[2] });
      expect(new Set(expected).size).toBeGreaterThan(1);
    }
    expect(summary.testRecall!['top']).toBeNull();
    model.dispose();
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
