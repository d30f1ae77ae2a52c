/** Runs of a few steps on images that are learned in as many, for tests of the training loop. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSet, Split } from '../../src/data/dataset.js';
import type { Device } from '../../src/gpu/device.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { RunFolder } from '../../src/train/run.js';
import { train } from '../../src/train/trainer.js';
import type { EpochRow, Reporter, RunStart, StepProgress, TrainOptions, TrainSummary } from '../../src/train/types.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';

/** Images whose brightness in one of three bands is their class: learned in a few steps. */
export function bands(count: number, seed: number): Split {
  const random = new RandomStream(seed, 50);
  const labels = Uint8Array.from({ length: count }, () => random.integer(3));
  const images = Uint8Array.from({ length: count * 2304 }, (_, i) => {
    const band = Math.floor((i % 2304) / 768);
    return random.integer(80) + (band === labels[Math.floor(i / 2304)] ? 120 : 0);
  });
  return { count, images, labels };
}

export function bandData(train: number, val = 20, test = 20): DataSet {
  return {
    ...{ name: 'bands', classes: ['top', 'middle', 'bottom'], channels: 1, height: 48, width: 48 },
    splits: { train: bands(train, 1), val: bands(val, 2), test: bands(test, 3) },
    fingerprint: 'bands',
  };
}

export class Recorder implements Reporter {
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

export const base: TrainOptions = {
  ...{ model: 'improved-mlp', data: 'bands', epochs: 3, batchSize: 16, lr: 1e-3, optimizer: 'adam' },
  ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 7 },
};

interface Sitting {
  resume?: boolean;
  signal?: AbortSignal;
  reporter?: Recorder;
  /** A checkpoint to go back to. */
  from?: string;
  device?: Device;
}

/** One sitting of a run in `folder`/`name`. */
export async function runIn(
  folder: string,
  name: string,
  data: DataSet,
  options: Partial<TrainOptions> = {},
  { resume = false, signal = new AbortController().signal, reporter = new Recorder(), from, device }: Sitting = {},
) {
  const path = join(folder, name);
  const run = resume ? await RunFolder.open(path) : await RunFolder.create(path);
  const context = { run, reporter, signal, resume, version: 'test', from: from && (await run.findCheckpoint(from)) };
  const summary = await train(device ?? (await paths.native()), data, { ...base, ...options }, context);
  return { path, summary, reporter };
}

/** Everything in a checkpoint that decides what follows; times are left out. */
export async function stateOf(path: string) {
  const { tensors, metadata } = decodeSafeTensors(await readFile(path));
  const training = JSON.parse(metadata.training ?? '{}') as {
    history?: EpochRow[];
    epochs?: number;
    step?: number;
    generator?: unknown;
    optimizerSteps?: number[];
    groups?: unknown;
    schedule?: unknown;
    earlyStopping?: unknown;
    averageSteps?: number;
  };
  const { epochs, step, generator, optimizerSteps, groups, schedule, earlyStopping, averageSteps } = training;
  return {
    tensors: [...tensors].map(([name, { data }]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
    position: { epochs, step, generator, optimizerSteps, groups, schedule, earlyStopping, averageSteps },
    history: training.history?.map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 })),
  };
}

/** A signal that aborts when the data set's split is about to give its n-th batch: between two steps, at a known place. */
export function abortAtBatch(data: DataSet, n: number): { data: DataSet; signal: AbortSignal } {
  const controller = new AbortController();
  const abort = () => {
    controller.abort();
  };
  return { data: atBatch(data, n, abort), signal: controller.signal };
}

/** The data set, which calls `act` when its training split is about to give the n-th batch (from 0), and at each one after. */
export function atBatch(data: DataSet, n: number, act: () => void): DataSet {
  let reads = 0;
  const images = new Proxy(data.splits.train.images, {
    get(target, key) {
      if (key === 'subarray') {
        return (start: number, end: number) => {
          if (++reads > n * base.batchSize) act();
          return target.subarray(start, end);
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return { ...data, splits: { ...data.splits, train: { ...data.splits.train, images } } };
}
