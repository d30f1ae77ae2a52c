/**
 * `npm run soak -- [--steps n] [--predictions n] [--out file] [--json]`: trains for 10,000 steps, then classifies 100,000 images,
 * and looks at memory all the while. Exits with 1 where live GPU memory is not constant, or where the process's memory grows by
 * more than 5 % after the warm-up.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { PNG } from 'pngjs';
import { loadDataSet } from '../../dist/data/load.js';
import type { DataSet } from '../../dist/data/dataset.js';
import { Predictor } from '../../dist/evaluate/predict/predict.js';
import { readTrainedRun } from '../../dist/evaluate/trained.js';
import type { Device } from '../../dist/gpu/device.js';
import { openDevice } from '../../dist/gpu/node.js';
import { RunFolder } from '../../dist/train/run.js';
import { adapterName, train } from '../../dist/train/trainer.js';
import type { Reporter, TrainOptions } from '../../dist/train/types.js';
import { readAugment } from '../../dist/data/augment/read.js';

/** Of each part, before memory is compared. */
const WARM_UP = 0.1;
/** The process's memory may be larger than after the warm-up by this share. */
const GROWTH = 0.05;
/** Looks at memory in each part. */
const SAMPLES = 100;
const BATCH = 32;
const MODEL = 'ferplus-cnn';

/** Memory at some moment between two steps, in bytes. */
interface Sample {
  /** Steps or predictions so far. */
  readonly done: number;
  /** Handed out and not released. */
  readonly live: number;
  /** Buffers that are. */
  readonly buffers: number;
  /** Given by the driver. */
  readonly drawn: number;
  /** Of the process: the driver's too, where that computes on the CPU. */
  readonly resident: number;
  /** Of JavaScript, after everything that is not needed was collected. */
  readonly heap: number;
}

interface Part {
  readonly what: string;
  readonly done: number;
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

function sample(device: Device, done: number): Sample {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { liveBytes, liveCount, drawnBytes } = device.pool;
  return { done, live: liveBytes, buffers: liveCount, drawn: drawnBytes, resident: rss, heap: heapUsed + external };
}

/** Trains for so many steps in `folder`, with validation and saving after each epoch as every run has them. */
async function soakTraining(device: Device, data: DataSet, folder: string, steps: number): Promise<Part> {
  const stepsOfEpoch = Math.ceil(data.splits.train.count / BATCH);
  const options: TrainOptions = {
    ...{ model: MODEL, data: 'synthetic', epochs: Math.ceil(steps / stepsOfEpoch), batchSize: BATCH, seed: 1 },
    ...{ optimizer: 'adam', lr: 1e-3, weightDecay: 0, momentum: 0, nesterov: false },
    ...{ ema: 0.999, clipNorm: 1, augment: await readAugment('system-a'), saveEverySteps: 100 },
  };
  const every = Math.max(1, Math.floor(options.epochs / SAMPLES));
  const samples: Sample[] = [];
  const nothing = () => undefined;
  const reporter: Reporter = {
    ...{ start: nothing, step: nothing, saved: nothing, end: nothing, note: nothing },
    epoch: ({ epoch }) => {
      if (epoch % every !== 0) return;
      samples.push(sample(device, epoch * stepsOfEpoch));
      console.error(`training: step ${epoch * stepsOfEpoch} of ${options.epochs * stepsOfEpoch}`);
    },
  };
  const begun = performance.now();
  const run = await RunFolder.create(join(folder, 'run'));
  const { signal } = new AbortController();
  await train(device, data, options, { run, reporter, signal, resume: false, version: 'soak' });
  return { what: 'training steps', done: options.epochs * stepsOfEpoch, seconds: secondsSince(begun), samples };
}

/** Classifies images as they come in files: each is decoded. */
async function soakPredictions(device: Device, data: DataSet, folder: string, count: number): Promise<Part> {
  const files = imageFiles(data);
  const trained = await readTrainedRun(join(folder, 'run'));
  const predictor = Predictor.place(device, trained, { batchSize: BATCH });
  const samples: Sample[] = [];
  const every = BATCH * Math.max(1, Math.floor(count / SAMPLES / BATCH));
  let done = 0;
  const images = async function* () {
    for (let i = 0; i < count; i++) {
      yield Promise.resolve({ file: String(i), read: () => Promise.resolve(files[i % files.length]!) });
    }
  };
  const begun = performance.now();
  for await (const result of predictor.predict(images())) {
    if ('error' in result) throw new Error(result.error);
    if (++done % every !== 0) continue;
    samples.push(sample(device, done));
    console.error(`predictions: ${done} of ${count}`);
  }
  predictor.dispose();
  return { what: 'predictions', done, seconds: secondsSince(begun), samples };
}

/** Test images as PNG. */
function imageFiles({ splits, height, width }: DataSet): Uint8Array[] {
  const { images, count } = splits.test;
  return Array.from({ length: count }, (_, n) => {
    const png = new PNG({ width, height });
    for (let i = 0; i < width * height; i++)
      png.data.fill(images[n * width * height + i]!, 4 * i, 4 * i + 3).fill(255, 4 * i + 3, 4 * i + 4);
    return PNG.sync.write(png);
  });
}

/** What a part's samples come to after its warm-up. */
function verdictOf({ what, done, seconds, samples }: Part) {
  const [first, ...rest] = samples.filter(one => one.done >= WARM_UP * done);
  if (!first || rest.length === 0) throw new Error(`${what}: too few to look at memory more than once`);
  const all = [first, ...rest];
  const span = (key: keyof Sample) => {
    const values = all.map(one => one[key]);
    return { least: Math.min(...values), most: Math.max(...values) };
  };
  const live = span('live');
  const buffers = span('buffers');
  const growth = span('resident').most / first.resident - 1;
  const constant = live.least === live.most && buffers.least === buffers.most;
  const figures = { live, buffers, drawn: span('drawn'), resident: { first: first.resident, ...span('resident') } };
  const heap = { first: first.heap, last: all.at(-1)!.heap, ...span('heap') };
  return { what, done, seconds, samples: all.length, ...figures, heap, growth, holds: constant && growth <= GROWTH };
}

type Verdict = ReturnType<typeof verdictOf>;

function linesOf({ what, done, seconds, live, buffers, drawn, resident, heap, growth, holds }: Verdict): string[] {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const range = ({ least, most }: { least: number; most: number }, show: (value: number) => string) =>
    least === most ? show(least) : `${show(least)} to ${show(most)}`;
  return [
    `${done.toLocaleString('en')} ${what} in ${seconds.toFixed(0)} s, after a warm-up of ${100 * WARM_UP} %:`,
    `  live on the GPU         ${range(live, mib)} in ${range(buffers, String)} buffers`,
    `  drawn from the driver   ${range(drawn, mib)}`,
    `  resident                ${mib(resident.first)} after the warm-up, ${range(resident, mib)} since: ${(100 * growth).toFixed(1)} %`,
    `  JavaScript              ${mib(heap.first)} after the warm-up, ${mib(heap.last)} at the end`,
    holds ? '  holds' : '  DOES NOT HOLD',
  ];
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}

async function soak(flags: { steps: number; predictions: number; out?: string; json?: true }): Promise<number> {
  if (!globalThis.gc)
    throw new Error('soak looks at memory after collecting: run it with --expose-gc, as `npm run soak` does');
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-soak-'));
  const device = await openDevice();
  try {
    const data = await loadDataSet('synthetic');
    const parts = [await soakTraining(device, data, folder, flags.steps)];
    parts.push(await soakPredictions(device, data, folder, flags.predictions));
    const verdicts = parts.map(verdictOf);
    const result = {
      adapter: adapterName(device),
      date: new Date().toISOString(),
      model: MODEL,
      batchSize: BATCH,
      parts: verdicts,
    };
    if (flags.out !== undefined)
      await writeFile(flags.out, `${JSON.stringify({ ...result, samples: parts }, null, 2)}\n`);
    if (flags.json) console.log(JSON.stringify(result));
    else for (const line of [`adapter: ${result.adapter}`, ...verdicts.flatMap(linesOf)]) console.log(line);
    return verdicts.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    device.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It should be a whole number above 0.');
  return Number(text);
}

const program = new Command('soak')
  .description('Trains and classifies for long, and looks whether memory grows.')
  .option('--steps <n>', 'of training', parseCount, 10_000)
  .option('--predictions <n>', 'images that are classified', parseCount, 100_000)
  .option('--out <file>', 'write all samples as JSON')
  .option('--json', 'print the figures as JSON')
  .exitOverride()
  .action(async (flags: Parameters<typeof soak>[0]) => {
    process.exitCode = await soak(flags);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
