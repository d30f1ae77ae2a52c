import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';

/** What a new run takes where nothing is given. */
export const trainDefaults = {
  epochs: 10,
  batchSize: 64,
  lr: 1e-3,
  optimizer: 'adam',
  weightDecay: 0,
  /** With SGD. */
  momentum: 0.9,
  nesterov: false,
  seed: 0,
  sampler: 'shuffle',
  classWeights: 'none',
} as const;

/**
 * The options of a new run: what was `given`, and defaults for the rest.
 * @throws UserError where something needed is missing or two options do not go together
 */
export function newOptions(given: Partial<TrainOptions>): TrainOptions {
  const { model, data, ...rest } = given;
  if (model === undefined) throw new UserError('train needs a model: facegrad train <model> --data <path>');
  if (data === undefined) throw new UserError('train needs --data <path>, or --data synthetic for built-in faces');
  const optimizer = given.optimizer ?? trainDefaults.optimizer;
  if (optimizer !== 'sgd') {
    if (given.momentum !== undefined) throw new UserError('--momentum is of --optimizer sgd; Adam has none');
    if (given.nesterov) throw new UserError('--nesterov is of --optimizer sgd; Adam has none');
  }
  const momentum = optimizer === 'sgd' ? (given.momentum ?? trainDefaults.momentum) : 0;
  if (given.nesterov && momentum === 0) throw new UserError('--nesterov needs a --momentum above 0');
  return { ...trainDefaults, ...rest, model, data, momentum };
}
