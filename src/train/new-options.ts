import { UserError } from '../util/errors.js';
import { requireSaves } from './checkpoint-options.js';
import { trainDefaults } from './defaults.js';
import { resolveOptimisation } from './optimisation.js';
import { resolveStages } from './stages.js';
import type { TrainOptions } from './types.js';

/**
 * The options of a new run: what was `given`, and defaults for the rest.
 * @throws UserError where something needed is missing or two options do not go together
 */
export function newOptions(given: Partial<TrainOptions>): TrainOptions {
  const { model, data, ...rest } = resolveStages(given);
  if (model === undefined) throw new UserError('train needs a model: facegrad train <model> --data <path>');
  if (data === undefined) throw new UserError('train needs --data <path>, or --data synthetic for built-in faces');
  const { optimizer, lr, ...defaults } = trainDefaults;
  if (rest.initHead !== undefined && rest.init === undefined) throw new UserError('--init-head needs --init');
  if (rest.l2Sp && rest.init === undefined) {
    throw new UserError('--l2-sp pulls weights to those that the run begins from: name them with --init');
  }
  if (rest.joint && rest.sampler !== undefined && rest.sampler !== 'shuffle') {
    throw new UserError(`--sampler ${rest.sampler} goes without joint data, whose share says what is drawn`);
  }
  requireSaves(rest);
  const all = { ...defaults, ...rest, model, data };
  return { ...all, ...resolveOptimisation(rest, { optimizer, lr }, all.epochs) };
}
