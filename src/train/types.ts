/** What the training loop is told, and what it tells: the contract between `src/train` and whoever shows a run. */

import type { AugmentSpec } from '../data/augment/transforms.js';
import type { DataOptions } from '../data/options.js';
import type { Precision } from '../gpu/matrices.js';
import type { SummaryValue } from '../interop/tfevents/index.js';
import type { JointOptions } from './joint.js';
import type { CheckpointOptions } from './checkpoint-options.js';
import type { LogOptions } from './log-options.js';
import type { ModelChoice } from './model.js';
import type { OptimisationOptions } from './optimisation.js';
import type { Stage } from './stage.js';
import type { ClassRecall } from './validate.js';

/** Every choice that decides a run's result, and when it is saved; all of them are stored in the run's `config.json`. */
export interface TrainOptions extends ModelChoice, DataOptions, OptimisationOptions, CheckpointOptions, LogOptions {
  /** `synthetic`, or the path of a data set. */
  data: string;
  /** A second data set that is trained on beside `data`. */
  joint?: JointOptions;
  /** Weights that the network begins from: a file, or the folder of a run (init-weights.ts). */
  init?: string;
  /** `fresh`: the last layer does not come from `init`. */
  initHead?: 'fresh';
  epochs: number;
  /** Patterns of parameters that do not learn, in a run without stages. */
  freeze?: string[];
  /** Patterns that are taken out of `freeze`. */
  unfreeze?: string[];
  /** Parts with optimisers of their own, one after the other; `epochs` is then the sum of theirs. */
  stages?: Stage[];
  batchSize: number;
  seed: number;
  /** Which images an epoch shows (data/sampling/sampler.ts); `shuffle` where absent. */
  sampler?: string;
  /** How the training loss weighs classes (data/sampling/class-weights.ts); `none` where absent. */
  classWeights?: string;
  /** An exclusion list (data/exclude.ts) for `data`. */
  exclude?: string;
  /** What is done to training images, with every option of it; sizes and crops are done in tests too. */
  augment?: AugmentSpec;
  /** `amp`: mixed precision where the adapter has subgroup matrices; `f32` where absent. */
  precision?: Precision;
  /** At most this many images of each split, drawn with the seed. */
  limit?: number;
  /** Per channel, on pixels scaled to 0..1; by default ImageNet's for models of three channels, else the training split's. */
  mean?: number[];
  std?: number[];
}

/**
 * One line of the epoch table and of `metrics.csv`. Losses are means per image, accuracies fractions. The training loss is the
 * one that is minimised, class weights included; the validation loss is plain cross-entropy, so that runs compare.
 */
export interface EpochRow {
  /** From 1. */
  epoch: number;
  lr: number;
  trainLoss: number;
  trainAccuracy: number;
  valLoss: number;
  valAccuracy: number;
  /** Wall time of the epoch, validation included. */
  seconds: number;
  /** Training images a second, validation not counted. */
  imagesPerSecond: number;
}

/** Where an epoch stands. */
export interface StepProgress {
  /** From 1. */
  epoch: number;
  epochs: number;
  /** Steps of this epoch that are done. */
  step: number;
  steps: number;
  /** Images of this epoch that are done. */
  images: number;
  /** Mean over this epoch's images so far. */
  loss: number;
  accuracy: number;
  imagesPerSecond: number;
  /** To the end of the run. */
  secondsLeft: number;
}

/** What is known when training begins. */
export interface RunStart {
  model: string;
  parameters: number;
  adapter: string;
  data: { name: string; train: number; val: number; test: number };
  /** Images of an epoch: the sampler decides. */
  epochImages?: number;
  /** What the training loss multiplies each class with, by the classes' names. */
  classWeights?: Record<string, number>;
  options: TrainOptions;
  runFolder: string;
  /** Steps of an epoch. */
  steps: number;
  /** Finished epochs of the run that is continued. */
  resumedFrom?: number;
  /** Finished steps of its epoch under way. */
  resumedStep?: number;
  /** Its last finished epoch. */
  lastEpoch?: EpochRow;
}

/** The content of `summary.json`. */
export interface TrainSummary {
  model: string;
  /** Name of the data set, with how its labels came about. */
  data?: string;
  parameters: number;
  classes: string[];
  /** Finished epochs. */
  epochs: number;
  /** 0 where no epoch has finished; the figures of the best epoch are then absent. */
  bestEpoch: number;
  bestValAccuracy?: number;
  bestValLoss?: number;
  /** Of the best epoch's weights on the validation split; absent where the run was interrupted. */
  bestValRecall?: ClassRecall;
  /** Of the best epoch's weights; absent where the run was interrupted or there is no test split. */
  testLoss?: number;
  testAccuracy?: number;
  testRecall?: ClassRecall;
  /** Wall time over all sittings of the run. */
  seconds: number;
  /** Training images a second over all finished epochs. */
  imagesPerSecond: number;
  adapter: string;
  runFolder: string;
  interrupted: boolean;
  /** Early stopping ended it. */
  stoppedEarly?: boolean;
}

/** Told by the training loop what happens; the loop itself prints nothing. */
export interface Reporter {
  start(info: RunStart): void;
  step(progress: StepProgress): void;
  /**
   * Histograms and images of an epoch (from 1) whose steps are done, before it is saved; perhaps in several parts. They are made
   * only where the options ask for them and this is there.
   */
  looked?(epoch: number, values: readonly SummaryValue[]): void;
  /** `best`: this epoch's validation accuracy is the highest so far. */
  epoch(row: EpochRow, best: boolean): void;
  saved(file: string): void;
  end(summary: TrainSummary): void;
  note(text: string): void;
}
