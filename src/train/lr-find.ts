import type { Device } from '../gpu/device.js';
import { OutOfGpuMemoryError } from '../gpu/errors.js';
import { titleOf, limitSplit, type DataSet } from '../data/dataset.js';
import { createSampler, parseSampler } from '../data/sampling/sampler.js';
import { crossEntropy } from '../kernels/index.js';
import { backward, manualSeed, scope, setDefaultDevice, type Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { adviceOf, fittingBatch } from './batch-advice.js';
import { Batches } from './batches.js';
import { createModel, definitionOf, hasBatchNorm, takesImageNet } from './model.js';
import { normalisationOf } from './normalisation.js';
import { clippingOf, createOptimizer } from './optimisation.js';
import { rehearseRun } from './rehearsal.js';
import type { TrainOptions } from './types.js';

/** Options of the range test: a training's, and the rates that it goes through. */
export interface LrFindOptions extends TrainOptions {
  /** The rate rises by the same factor at each step, from the first of these to the last. */
  readonly startLr: number;
  readonly endLr: number;
  readonly steps: number;
}

/** A step of the range test. */
export interface LrPoint {
  /** From 1. */
  readonly step: number;
  readonly lr: number;
  readonly loss: number;
  readonly smoothed: number;
}

/** The curve of the range test, and the rates that it suggests. */
export interface LrFindResult {
  readonly points: readonly LrPoint[];
  /** The middle of the longest way down: what to begin with. */
  readonly valley: number;
  /** Where the smoothed loss falls fastest. */
  readonly steepest: number;
  /** A tenth of the rate with the least smoothed loss. */
  readonly minimum: number;
  /** The loss grew so much that the test ended before its last step. */
  readonly diverged: boolean;
}

/** What a smoothed loss keeps of the one before; fastai's. */
const SMOOTHING = 0.98;
/** A smoothed loss of more than this many times the least ends the test; fastai's. */
const DIVERGED = 4;

/**
 * Smith's range test ("Cyclical Learning Rates for Training Neural Networks", 2017) as fastai does it: one step after the
 * other with a rate that rises exponentially, until the smoothed loss has grown to four times its least or is not finite.
 * Nothing of the network is kept. Reads the loss back at each step.
 * @throws UserError where the range or the data are too small
 */
export async function findLearningRate(
  device: Device,
  data: DataSet,
  options: LrFindOptions,
  { signal, onStep }: { signal?: AbortSignal; onStep?: (point: LrPoint) => void } = {},
): Promise<LrFindResult> {
  const { startLr, endLr, steps, batchSize, seed, limit, labelSmoothing, focalGamma } = options;
  if (!(startLr > 0 && endLr > startLr))
    throw new UserError('the range test needs --end-lr above --start-lr, both above 0');
  setDefaultDevice(device);
  const all = data.splits.train;
  const train = limit === undefined ? all : limitSplit(all, limit, seed);
  if (train.count === 0) throw new UserError(`${titleOf(data)} has no training images`);
  const imagenet = takesImageNet(definitionOf(options), options);
  const normalisation = normalisationOf({ ...options, imagenet }, data, train);
  manualSeed(seed);
  const model = createModel(options, data, data.classes.length, imagenet);
  const optimizer = createOptimizer(model, options);
  try {
    optimizer.clipping = clippingOf(options);
    // Whole batches alone, so that losses compare; a small split is one batch.
    const perEpoch = Math.max(1, Math.floor(train.count / batchSize));
    if (hasBatchNorm(model) && Math.min(batchSize, train.count) < 2) {
      throw new UserError(`${options.model} has batch normalisation, which needs batches of two images or more`);
    }
    const batches = new Batches(device, data, train, batchSize, normalisation);
    const sampler = createSampler(parseSampler('shuffle'), train.labels, data.classes, seed);
    const base = optimizer.groups.map(({ lr }) => lr / options.lr);
    const points: LrPoint[] = [];
    let order: Uint32Array = sampler.order(1);
    let average = 0;
    let least = Infinity;
    let diverged = false;
    for (let i = 0; i < steps && !diverged && !signal?.aborted; i++) {
      if (i > 0 && i % perEpoch === 0) order = sampler.order(1 + i / perEpoch);
      const lr = startLr * (endLr / startLr) ** (i / Math.max(1, steps - 1));
      // Groups keep the ratio of their rates.
      optimizer.groups.forEach((group, g) => (group.lr = lr * base[g]!));
      let kept: Tensor | undefined;
      scope(() => {
        const { x, target } = batches.load(order, i % perEpoch);
        const loss = crossEntropy(model.forward(x), target, { labelSmoothing, focalGamma });
        backward(loss);
        optimizer.step();
        optimizer.zeroGrad();
        kept = loss.keep();
      });
      const loss = await kept!.item();
      kept!.dispose();
      average = SMOOTHING * average + (1 - SMOOTHING) * loss;
      const smoothed = average / (1 - SMOOTHING ** (i + 1));
      diverged = !(Number.isFinite(loss) && smoothed <= DIVERGED * least);
      if (!Number.isFinite(loss)) break;
      least = Math.min(least, smoothed);
      const point = { step: i + 1, lr, loss, smoothed };
      points.push(point);
      onStep?.(point);
    }
    // As in fastai: the smoothing has settled after a tenth of the steps, and the last ones have diverged.
    const settled = points.slice(Math.floor(steps / 10), -5);
    return { points, ...suggestions(settled.length < 3 ? points : settled), diverged };
  } catch (error) {
    if (!(error instanceof OutOfGpuMemoryError)) throw error;
    const limits = { least: hasBatchNorm(model) ? 2 : 1, below: Math.min(batchSize, train.count) };
    const create = () => createModel(options, data, data.classes.length, imagenet);
    const fitting = await fittingBatch(device, error, limits, size => {
      const batches = new Batches(device, data, train, size, normalisation);
      rehearseRun(device, { create, train: { batches, images: size, count: 1 }, evaluated: [], accumulate: 1 });
    });
    throw error.advising(adviceOf(fitting));
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/**
 * What the curve suggests.
 * @throws UserError where there are fewer than three points
 */
export function suggestions(points: readonly LrPoint[]): Pick<LrFindResult, 'valley' | 'steepest' | 'minimum'> {
  if (points.length < 3) {
    throw new UserError('the loss was not finite after three steps; try a smaller --start-lr');
  }
  const losses = points.map(({ smoothed }) => smoothed);
  const lrOf = (i: number) => points[i]!.lr;
  const lowest = losses.indexOf(Math.min(...losses));
  // Steps are equally far apart on the logarithmic scale, so differences of neighbours are slopes.
  let steepest = Math.min(1, losses.length - 1);
  for (let i = 1; i < losses.length; i++) {
    const slope = (k: number) => losses[k]! - losses[k - 1]!;
    if (slope(i) < slope(steepest)) steepest = i;
  }
  const [begin, end] = longestFall(losses);
  return { valley: lrOf(begin + Math.floor((end - begin) / 2)), steepest: lrOf(steepest), minimum: lrOf(lowest) / 10 };
}

/** First and last index of the longest subsequence that falls; of equally long ones the first to end. */
function longestFall(losses: readonly number[]): [number, number] {
  const length = losses.map(() => 1);
  const begin = losses.map((_, i) => i);
  let best = 0;
  for (let i = 1; i < losses.length; i++) {
    for (let j = 0; j < i; j++) {
      if (losses[j]! <= losses[i]! || length[j]! < length[i]!) continue;
      length[i] = length[j]! + 1;
      begin[i] = begin[j]!;
    }
    if (length[i]! > length[best]!) best = i;
  }
  return [begin[best]!, best];
}

/** The points as CSV with a header. */
export function pointsCsv(points: readonly LrPoint[]): string {
  return [
    'step,lr,loss,smoothed_loss',
    ...points.map(({ step, lr, loss, smoothed }) => [step, lr, loss, smoothed].join(',')),
    '',
  ].join('\n');
}
