import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newOptions } from '../../src/train/new-options.js';
import { loadWeights } from '../../src/train/checkpoint.js';
import { resumedOptions } from '../../src/train/resumed-options.js';
import { RunFolder } from '../../src/train/run.js';
import { stageAt } from '../../src/train/stages.js';
import type { TrainOptions } from '../../src/train/types.js';
import { abortAtBatch, bandData, Recorder, runIn, stateOf } from './small-run.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-stages-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const given = { model: 'improved-mlp', data: 'bands', batchSize: 16, seed: 7, ema: 0.9 };
// 60 images make 4 steps an epoch: 4 steps of the first stage, 8 of the second, 4 of the third.
const stages = [
  { epochs: 1, freeze: ['*'], unfreeze: ['net.11.weight', 'net.11.bias'] },
  { epochs: 2, lr: 1e-4, scheduler: 'exponential:gamma=0.5' },
  { epochs: 1, lr: 1e-5, groups: ['*bias:lr=1e-3'] },
];

const weightsOf = async (path: string) => (await loadWeights(join(path, 'last.safetensors'))).state;

describe('stages', () => {
  it('follow one another in one run', async () => {
    const options = staged(stages);
    const { path, reporter } = await runIn(folder, 'staged', bandData(60), options);
    expect(reporter.epochs.map(({ epoch, lr }) => [epoch, lr])).toEqual([
      [1, 1e-3],
      [2, 1e-4],
      [3, 5e-5],
      [4, 1e-5],
    ]);
    expect(await (await RunFolder.open(path)).readMetrics()).toHaveLength(4);
    expect(reporter.notes).toContain('stage 2 of 3: 2 epochs from --lr 0.0001');
    // A run of the first stage alone has the same first epoch.
    const alone = await runIn(folder, 'alone', bandData(60), staged(stages.slice(0, 1)));
    expect(alone.reporter.epochs[0]!.trainLoss).toBe(reporter.epochs[0]!.trainLoss);
  });

  it('hold what they freeze, and let it go again', async () => {
    const first = await runIn(folder, 'first', bandData(60), staged(stages.slice(0, 1)));
    const both = await runIn(folder, 'both', bandData(60), staged(stages.slice(0, 2)));
    // A rate too low to move anything: the initial weights.
    const none = await runIn(folder, 'none', bandData(60), staged([{ ...stages[0]!, lr: 1e-30 }]));
    const [a, b, c] = await Promise.all([first, both, none].map(({ path }) => weightsOf(path)));
    const changed = (x: typeof a, y: typeof a) =>
      [...x!].filter(([name, { data }]) => String(y!.get(name)!.data) !== String(data)).map(([name]) => name);
    const moved = changed(a, c);
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.every(name => name.startsWith('net.11'))).toBe(true);
    expect(changed(b, a)).toContain('net.1.weight');
  });

  describe('stopped and resumed equal the run that never stopped, to the bit', () => {
    let base: string;
    let whole: string;
    beforeAll(async () => {
      base = await mkdtemp(join(tmpdir(), 'facegrad-stages-'));
      whole = (await runIn(base, 'whole', bandData(60), staged(stages))).path;
    });
    afterAll(async () => {
      await rm(base, { recursive: true, force: true });
    });

    async function resumesToTheSame(): Promise<void> {
      const { path, summary } = await runIn(folder, 'parts', bandData(60), staged(stages), { resume: true });
      expect(summary.interrupted).toBe(false);
      for (const file of ['last.safetensors', 'best.safetensors']) {
        expect(await stateOf(join(path, file))).toEqual(await stateOf(join(whole, file)));
      }
    }

    // In the first stage, and in the second.
    it.each([2, 9])('at step %i', async step => {
      const { data, signal } = abortAtBatch(bandData(60), step);
      const { summary } = await runIn(folder, 'parts', data, staged(stages), { signal });
      expect(summary.interrupted).toBe(true);
      await resumesToTheSame();
    });

    it('between two of them, the next one entered', async () => {
      const controller = new AbortController();
      // The first save is that of the first epoch, with which the first stage ends.
      const reporter = new Recorder(() => {
        controller.abort();
      });
      await runIn(folder, 'parts', bandData(60), staged(stages), { signal: controller.signal, reporter });
      await resumesToTheSame();
    });

    it('between two of them, the next one not entered', async () => {
      const reporter = new Recorder(() => {
        throw new Error('killed');
      });
      await expect(runIn(folder, 'parts', bandData(60), staged(stages), { reporter })).rejects.toThrow('killed');
      await resumesToTheSame();
    });
  });

  it.each([
    [{ scheduler: 'cosine' }, stages, '--scheduler goes without stages'],
    [{ earlyStop: '3' }, stages, '--early-stop goes without stages'],
    [{ lr: 0.1 }, stages.slice(1), '--lr would do nothing'],
    [{ epochs: 5 }, stages, "--epochs 5: the run's stages have 4 epochs"],
    [{}, [{ epochs: 1, scheduler: 'stp' }], "stage 1: --scheduler stp: there is no scheduler 'stp'"],
    [{}, [{ epochs: 1, unfreeze: ['fc'] }], 'stage 1: unfreeze takes patterns out of freeze'],
  ])('refuse what does not go with them (%#)', (options, chosen, message) => {
    expect(() => newOptions({ ...given, ...options, stages: chosen })).toThrow(message);
  });

  it.each([
    [[{ epochs: 1 }, { epochs: 1, freeze: ['net.0', 'layer9'] }], 'layer9 matches no parameter'],
    [[{ epochs: 1 }, { epochs: 1, freeze: ['*'] }], 'stage 2 freezes every parameter'],
    [[{ epochs: 1 }, { epochs: 1, groups: ['layer9:lr=1'] }], 'layer9 matches no parameter'],
    [[{ epochs: 1 }, { epochs: 1, scheduler: 'cosine', warmup: '1' }], '--warmup 1 takes the whole run of 1 epoch'],
  ])('find before the first step what would stop a later one (%#)', async (chosen, message) => {
    await expect(runIn(folder, 'wrong', bandData(60), staged(chosen))).rejects.toThrow(message);
  });

  it('know their lengths, and a resumed run cannot be lengthened', async () => {
    const options = newOptions({ ...given, stages: [{ epochs: 3, scheduler: 'cosine' }, { epochs: 2 }] });
    expect(options).toMatchObject({ epochs: 5, stages: [{ scheduler: 'cosine:epochs=3' }, {}] });
    expect([0, 2, 3, 4, 5].map(epochs => stageAt(options, epochs))).toEqual([0, 0, 1, 1, 1]);
    const { path } = await runIn(folder, 'run', bandData(60), staged(stages.slice(0, 1)));
    const { config } = await RunFolder.open(path);
    expect(() => resumedOptions(config, { epochs: 2 })).toThrow('the run ends with the last of its stages, after 1');
    expect(resumedOptions(config, { epochs: 1 }).stages).toEqual(stages.slice(0, 1));
  });
});

function staged(chosen: NonNullable<TrainOptions['stages']>): TrainOptions {
  return newOptions({ ...given, stages: chosen });
}
