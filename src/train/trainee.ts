import type { Device } from '../gpu/device.js';
import type { Module } from '../nn/index.js';
import { defaultGenerator, type Generator, type Tensor } from '../tensor/index.js';
import { EarlyStopping, parseEarlyStopping } from './early-stopping.js';
import { WeightAverage } from './ema.js';
import { GradScaler } from './grad-scaler.js';
import { normsAndBiases } from './groups.js';
import { L2Sp, l2SpStrengths, type Origin } from './l2-sp.js';
import type { Optimizer } from './optim.js';
import { clippingOf, createOptimizer } from './optimisation.js';
import { createSchedule, type Schedule, type Watched } from './schedulers/index.js';
import { freezeForStage, optionsOfStage } from './stages.js';
import type { TrainOptions } from './types.js';

/** Everything of a run that lives on the GPU or in generators. */
export interface Trainee {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly generator: Generator;
  /** The moving average of weights, where the run keeps one. */
  readonly average?: WeightAverage | undefined;
  readonly schedule?: Schedule | undefined;
  /** What the schedule watches. */
  readonly watched: Watched;
  readonly earlyStopping?: EarlyStopping | undefined;
  /** Where gradients are scaled: under mixed precision. */
  readonly scaler?: GradScaler | undefined;
  /** What L2-SP pulls to, where the run has it. */
  readonly origin?: Origin | undefined;
  /** Running totals of the epoch under way (4), kernels/cross_entropy.ts. */
  readonly totals: Tensor;
}

/**
 * What trains `model` in a stage, with `steps` in an epoch; everything in it begins anew but the model, the generator and
 * the totals.
 */
export function createTrainee(
  device: Device,
  model: Module,
  totals: Tensor,
  runOptions: TrainOptions,
  stage: number,
  steps: number,
): Trainee {
  freezeForStage(model, runOptions, stage);
  const options = optionsOfStage(runOptions, stage);
  const optimizer = createOptimizer(model, options);
  optimizer.clipping = clippingOf(options);
  const { ema, emaWarmup = false, earlyStop } = options;
  const schedule = createSchedule(optimizer.groups, options, { ...options, stepsPerEpoch: steps });
  return {
    model,
    optimizer,
    average: ema === undefined ? undefined : new WeightAverage(optimizer, { decay: ema, warmup: emaWarmup }),
    schedule: schedule?.schedule,
    watched: schedule?.watched ?? 'loss',
    earlyStopping: earlyStop === undefined ? undefined : new EarlyStopping(parseEarlyStopping(earlyStop)),
    generator: defaultGenerator(),
    // Where the device computes in f16.
    scaler: device.matrices && new GradScaler(device),
    totals,
  };
}

/** `trainee` with its parameters pulled to where they began, if the options say so. */
export function anchorTo(
  trainee: Trainee,
  { l2Sp, exemptNormBias = false }: Pick<TrainOptions, 'l2Sp' | 'exemptNormBias'>,
  origin: Origin | undefined,
): Trainee {
  if (!l2Sp || !origin) return trainee;
  const { model, optimizer } = trainee;
  const nameOf = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
  const exempt = exemptNormBias ? normsAndBiases(model) : undefined;
  optimizer.penalty = new L2Sp(optimizer, l2SpStrengths(l2Sp), one => origin.get(nameOf.get(one)!), exempt);
  return { ...trainee, origin };
}

/** Frees what `createTrainee` made; model and totals stay. */
export function disposeTrainee({ optimizer, average, scaler }: Trainee): void {
  average?.dispose();
  scaler?.dispose();
  optimizer.dispose();
}
