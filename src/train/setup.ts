import type { Device } from '../gpu/device.js';
import { augmentersFor, type Augmenter } from '../data/augment/augmenter.js';
import { limitSplit, type DataSet, type Split } from '../data/dataset.js';
import { classWeights, parseClassWeighting, weightWarning } from '../data/sampling/class-weights.js';
import { jointSampler } from '../data/sampling/joint.js';
import { createSampler, parseSampler, samplerWarning, type Sampler } from '../data/sampling/sampler.js';
import { countLabels } from '../data/stats.js';
import type { TuningProblem } from '../kernels/tuning/index.js';
import type { Module } from '../nn/index.js';
import { manualSeed, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { Batches } from './batches.js';
import type { WeightsInfo } from './checkpoint.js';
import { createModel, definitionOf, hasBatchNorm, modelChoice, takesImageNet } from './model.js';
import { normalisationOf } from './normalisation.js';
import { rehearseRun } from './rehearsal.js';
import { checkStages } from './stages.js';
import { networkProblems } from './tuning/problems.js';
import type { TrainOptions } from './types.js';

export type Splits = Record<'train' | 'val' | 'test', Split>;

/** What a run's options and data come to before the first step: the network, what it sees, and in which portions. */
export interface Setup {
  /** Freshly initialised. */
  readonly model: Module;
  readonly splits: Splits;
  readonly batches: Record<keyof Splits, Batches>;
  readonly sampler: Sampler;
  /** Class weights of the training loss, on the host and (K) on the GPU. */
  readonly weights: { readonly values: readonly number[]; readonly tensor: Tensor } | undefined;
  /** What weights files say of themselves. */
  readonly info: Omit<WeightsInfo, 'epoch'>;
  /**
   * Does, without a result, what takes GPU memory in steps and evaluations with batches of so many images; for
   * `Device.bytesTakenBy`.
   */
  readonly rehearse: (batchSize: number) => void;
  /** Images that a batch must have at least. */
  readonly leastBatch: number;
  /** What the network computes. */
  readonly problems: () => TuningProblem[];
  /** Of an epoch. */
  readonly batchCount: number;
  readonly steps: number;
  readonly images: number;
  /** What the user should know of the options. */
  readonly warnings: readonly string[];
}

/**
 * Prepares a run. Seeds the default generator: the network's weights are the first that it draws.
 * @throws UserError where options and data do not go together
 */
export function setUp(device: Device, data: DataSet, options: TrainOptions): Setup {
  const splits = limitedSplits(data, options);
  const { labels, sources } = splits.train;
  if ((options.joint !== undefined) !== (sources !== undefined)) {
    throw new Error('a run with joint data is given both data sets joined, and no other run is');
  }
  const sampler =
    options.joint && sources
      ? jointSampler(sources, options.joint.share, options.seed)
      : createSampler(parseSampler(options.sampler ?? 'shuffle'), labels, data.classes, options.seed);
  const weighting = parseClassWeighting(options.classWeights ?? 'none');
  const weights = weighting && classWeights(weighting, countLabels(labels, data.classes.length), data.classes);
  const imagenet = takesImageNet(definitionOf(options), options);
  const normalisation = normalisationOf({ ...options, imagenet }, data, splits.train);
  manualSeed(options.seed);
  const augment = augmentersFor(options.augment, data, normalisation, options.seed);
  const form = { ...data, ...augment.output };
  const create = () => createModel(options, form, data.classes.length, imagenet);
  const model = create();
  const batchCount = batchesOfEpoch(model, options, sampler.length);
  const steps = Math.ceil(batchCount / (options.accumulate ?? 1));
  checkStages(model, options, steps);
  const equalize = options.equalize ? { equalize: options.equalize } : {};
  const images = { channels: data.channels, height: data.height, width: data.width };
  const batchesOf = (batchSize: number, { train, val, test }: Splits): Record<keyof Splits, Batches> => {
    const of = (split: Split, augmenter: Augmenter | undefined, drawSeed?: number) =>
      new Batches(device, data, split, batchSize, normalisation, augmenter, drawSeed);
    return {
      // Validation takes the targets as they are: the mean over all draws.
      train: of(train, augment.train, data.drawsTargets ? options.seed : undefined),
      val: of(val, augment.test),
      test: of(test, augment.test),
    };
  };
  const warnings = [samplerWarning(sampler, data.classes), weights && weightWarning(weights, data.classes)];
  return {
    model,
    splits,
    batches: batchesOf(options.batchSize, splits),
    sampler,
    weights: weights && { values: weights, tensor: Tensor.from(weights, [weights.length]).keep() },
    info: { ...modelChoice(options), classes: [...data.classes], ...normalisation, ...equalize, images },
    rehearse: batchSize => {
      const blank = {
        train: blankSplit(data, splits.train),
        val: blankSplit(data, splits.val),
        test: blankSplit(data, splits.test),
      };
      const { train, val, test } = batchesOf(batchSize, blank);
      const evaluated = [
        { batches: val, images: splits.val.count, count: val.count },
        { batches: test, images: splits.test.count, count: test.count },
      ];
      const trained = { batches: train, images: sampler.length, count: countBatches(sampler.length, batchSize) };
      rehearseRun(device, { create, train: trained, evaluated, accumulate: options.accumulate ?? 1 });
    },
    leastBatch: hasBatchNorm(model) ? 2 : 1,
    problems: () => {
      const batch = Math.min(options.batchSize, splits.train.count);
      return networkProblems(device, create, [batch, form.channels, form.height, form.width]);
    },
    batchCount,
    steps,
    images: Math.min(batchCount * options.batchSize, sampler.length),
    warnings: warnings.filter(warning => warning !== undefined),
  };
}

/** As many images as `split` has, all of which are one and the same. */
function blankSplit({ channels, height, width, classes }: DataSet, { count, targets }: Split): Split {
  const certain = Float32Array.from(classes, (_, k) => (k === 0 ? 1 : 0));
  const one = { images: new Uint8Array(channels * height * width), labels: new Uint8Array(1) };
  return { count, ...one, ...(targets ? { targets: certain } : {}) };
}

/** The splits under `--limit`, and that there is something to train and to choose the best epoch on. */
function limitedSplits(data: DataSet, options: TrainOptions): Splits {
  const { limit, seed } = options;
  const of = (split: Split) => (limit === undefined ? split : limitSplit(split, limit, seed));
  const { train, val, test } = data.splits;
  if (train.count === 0) throw new UserError(`${data.name} has no training images`);
  if (val.count === 0) {
    throw new UserError(
      `${data.name} has no validation images, on which the best epoch is chosen; --split 64/16/20 draws new splits`,
    );
  }
  return { train: of(train), val: of(val), test: of(test) };
}

/**
 * Batches of an epoch.
 * @throws UserError where the network takes no batches as small as the options ask for
 */
function batchesOfEpoch(model: Module, { model: name, batchSize }: TrainOptions, images: number): number {
  if (Math.min(batchSize, images) === 1 && hasBatchNorm(model)) {
    throw new UserError(`${name} has batch normalisation, which needs batches of two images or more`);
  }
  return countBatches(images, batchSize);
}

/** Batch statistics of a single image do not exist: a last batch of one is left out. */
function countBatches(images: number, batchSize: number): number {
  const count = Math.ceil(images / batchSize);
  return images % batchSize === 1 && count > 1 && batchSize > 1 ? count - 1 : count;
}
