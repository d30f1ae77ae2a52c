import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import type { Counts, Device } from '../../src/gpu/device.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { createWorkload, type Mode } from '../../src/train/profile/workload.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { Reporter } from '../../src/train/types.js';
import { IN_FLIGHT } from '../../src/train/validate.js';
import { paths } from '../devices.js';

let device: Device;
beforeAll(async () => {
  device = await paths.native();
  setDefaultDevice(device);
});

function since(before: Counts): Counts {
  const after = device.counts;
  const names = Object.keys(after) as (keyof Counts)[];
  return Object.fromEntries(names.map(name => [name, after[name] - before[name]])) as unknown as Counts;
}

const cases = (['train', 'infer'] as const).flatMap(mode =>
  (
    [
      ['simple-cnn', 16],
      ['mini-resnet', 16],
      ['mobilenet-v2', 32],
    ] as const
  ).map(([model, inputSize]): [Mode, string, number] => [mode, model, inputSize]),
);

describe('a steady step makes nothing, reads nothing and is handed over once', () => {
  it.each(cases)('%s %s', async (mode, model, inputSize) => {
    const workload = createWorkload(device, { model, inputSize, mode, batchSize: 4, optimizer: 'adam' });
    const step = async () => {
      const before = device.counts;
      workload.step();
      await device.settle(IN_FLIGHT);
      return since(before);
    };
    const steps: Counts[] = [];
    for (let i = 0; i < 6; i++) steps.push(await step());
    await device.settle();
    workload.dispose();
    const { launches, writes } = steps[1]!;
    expect(launches).toBeGreaterThan(5);
    const steady = { launches, submits: 1, bindGroups: 0, buffers: 0, kernels: 0, writes, readbacks: 0 };
    expect(steps.slice(2)).toEqual([steady, steady, steady, steady]);
  });
});

describe('a training run', () => {
  const folders: string[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  /** Trains two epochs of eight steps; `now` is what the loop takes for the time. */
  async function countsOfSteps(now: () => number): Promise<{ reports: Counts[]; whole: Counts }> {
    const folder = await mkdtemp(join(tmpdir(), 'facegrad-steady-'));
    folders.push(folder);
    const split = (count: number) => ({
      count,
      images: Uint8Array.from({ length: count * 48 * 48 }, (_, i) => (i * 97) % 251),
      labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
    });
    const data: DataSet = {
      ...{ name: 'stripes', classes: ['a', 'b', 'c'], channels: 1, height: 48, width: 48, fingerprint: 'stripes' },
      splits: { train: split(64), val: split(8), test: split(8) },
    };
    const reports: Counts[] = [];
    const ignore = () => undefined;
    let last: Counts | undefined;
    const reporter: Reporter = {
      ...{ start: ignore, saved: ignore, end: ignore, note: ignore },
      step({ step }) {
        if (last && step > 1) reports.push(since(last));
        last = device.counts;
      },
      epoch() {
        last = undefined;
      },
    };
    vi.spyOn(performance, 'now').mockImplementation(now);
    const before = device.counts;
    await train(
      device,
      data,
      {
        ...{ model: 'simple-mlp', data: 'stripes', epochs: 2, batchSize: 8, lr: 1e-3, optimizer: 'adam', seed: 1 },
        ...{ weightDecay: 0, momentum: 0, nesterov: false },
      },
      {
        run: await RunFolder.create(join(folder, 'run'), { force: false }),
        ...{ reporter, signal: new AbortController().signal, resume: false, version: '0' },
      },
    );
    return { reports, whole: since(before) };
  }

  it('reads the totals once for each line that it shows, and nothing besides', async () => {
    let time = 0;
    // A second a look: every step is due to be shown.
    const often = await countsOfSteps(() => (time += 1000));
    expect(often.reports.length).toBeGreaterThan(8);
    for (const { readbacks, bindGroups, buffers, kernels } of often.reports.slice(-6)) {
      expect({ readbacks, bindGroups, buffers, kernels }).toEqual({
        readbacks: 1,
        bindGroups: 0,
        buffers: 0,
        kernels: 0,
      });
    }
    // No time passes: an epoch is shown at its end alone.
    const seldom = await countsOfSteps(() => 0);
    expect(seldom.reports).toEqual([]);
    expect(often.whole.readbacks - seldom.whole.readbacks).toBe(14); // seven of the eight steps of each epoch
    expect(often.whole.launches).toBe(seldom.whole.launches);
  });
});
