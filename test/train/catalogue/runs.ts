/** Run folders without training. */
import { RunFolder, type RunConfig } from '../../../src/train/run.js';
import type { EpochRow, TrainOptions, TrainSummary } from '../../../src/train/types.js';

const options: TrainOptions = {
  ...{ model: 'simple-cnn', data: '/data/fer2013.csv', epochs: 3, batchSize: 64, lr: 1e-3, optimizer: 'adam' },
  ...{ weightDecay: 0, momentum: 0, nesterov: false, seed: 1 },
};

const config: RunConfig = {
  ...{ facegrad: '0.1.0', created: '2026-03-04T05:06:07.000Z', options },
  data: { name: 'FER-2013', fingerprint: 'abc', train: 28709, val: 3589, test: 3589 },
  ...{ classes: ['a', 'b'], mean: [0.5], std: [0.25], adapter: 'llvmpipe' },
};

/** Epochs of the given validation accuracies, of 10 s and 100 images/s each. */
export function rows(...accuracies: number[]): EpochRow[] {
  return accuracies.map((valAccuracy, i) => ({
    ...{ epoch: i + 1, lr: 1e-3, trainLoss: 2 - i / 10, trainAccuracy: 0.3, valLoss: 2 - valAccuracy, valAccuracy },
    ...{ seconds: 10, imagesPerSecond: 100 },
  }));
}

interface Given {
  options?: Partial<TrainOptions>;
  created?: string;
  history?: EpochRow[];
  /** What the last sitting ended with; none where it was killed. */
  end?: 'finished' | 'interrupted';
  summary?: Partial<TrainSummary>;
  /** Keeps the folder locked by this process. */
  running?: true;
}

/** Writes a run's small files at `path`. */
export async function makeRun(path: string, given: Given = {}): Promise<void> {
  const { history = rows(0.5, 0.6, 0.55), created = config.created, end, running } = given;
  const run = await RunFolder.create(path);
  const all = { ...options, ...given.options };
  await run.begin({ ...config, created, options: all });
  await run.writeMetrics(history);
  if (running) await run.lock();
  if (end === undefined) return;
  await run.writeSummary({
    ...{ model: all.model, parameters: 1234567, classes: ['a', 'b'], epochs: history.length, bestEpoch: 2 },
    ...{
      seconds: 35.5,
      imagesPerSecond: 100,
      adapter: 'llvmpipe',
      runFolder: path,
      interrupted: end === 'interrupted',
    },
    ...given.summary,
  });
}
