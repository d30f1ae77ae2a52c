/**
 * `npm run soak -- [--steps n] [--predictions n] [--out file] [--json]`: trains for 10,000 steps, then classifies 100,000 images,
 * and looks at memory all the while. Exits with 1 where live GPU memory is not constant, where the process's memory or
 * JavaScript's grows after the warm-up (soak-verdict.ts), or where it was too short to tell.
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
import { verdictOf, type Growth, type Part, type Sample, type Verdict } from './soak-verdict.js';

/** Looks at memory in each part. */
const SAMPLES = 100;
const BATCH = 32;
const MODEL = 'ferplus-cnn';

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

function linesOf({
  what,
  done,
  seconds,
  warmUp,
  samples,
  live,
  buffers,
  drawn,
  resident,
  heap,
  holds,
}: Verdict): string[] {
  const head = `${done.toLocaleString('en')} ${what} in ${seconds.toFixed(0)} s, ${samples} looks at memory after the first ${warmUp.toLocaleString('en')}:`;
  if (holds === undefined) return [head, '  TOO SHORT TO JUDGE'];
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const range = ({ least, most }: { least: number; most: number }, show: (value: number) => string) =>
    least === most ? show(least) : `${show(least)} to ${show(most)}`;
  const growth = (of: Growth) => {
    const percent = (100 * (of.last / of.first - 1)).toFixed(1);
    return `median ${mib(of.first)} at first, ${mib(of.last)} at last: ${percent} %, ${of.perStep.toFixed(0)} bytes for each; ${range(of, mib)}`;
  };
  return [
    head,
    `  live on the GPU         ${range(live, mib)} in ${range(buffers, String)} buffers`,
    `  drawn from the driver   ${range(drawn, mib)}`,
    `  resident                ${growth(resident)}`,
    `  JavaScript              ${growth(heap)}`,
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
    return verdicts.every(({ holds }) => holds === true) ? 0 : 1;
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
