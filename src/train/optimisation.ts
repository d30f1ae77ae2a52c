import * as z from 'zod';
import type { Clipping } from '../kernels/index.js';
import type { Module } from '../nn/index.js';
import { UserError } from '../util/errors.js';
import { parseEarlyStopping } from './early-stopping.js';
import { parameterGroups, parseGroup } from './groups.js';
import { Adam, AdamW, RMSprop, SGD, type Optimizer, type Parameters } from './optim.js';
import { parseWarmup, resolveScheduler } from './schedulers/index.js';

export const OPTIMIZERS = ['adam', 'adamw', 'sgd', 'rmsprop'] as const;

export type OptimizerName = (typeof OPTIMIZERS)[number];

/** Which optimiser a run uses; options that are absent have torch.optim's defaults. */
export interface OptimizerChoice {
  optimizer: OptimizerName;
  lr: number;
  /** Added to the gradient; AdamW's shrinks the parameter. */
  weightDecay: number;
  /** SGD's and RMSprop's; 0 with the others. */
  momentum: number;
  /** SGD only; needs a momentum above 0. */
  nesterov: boolean;
  /** SGD only; not with `nesterov`. */
  dampening?: number;
  /** Adam and AdamW. */
  betas?: number[];
  /** All but SGD. */
  eps?: number;
  /** RMSprop only. */
  alpha?: number;
  /** RMSprop only. */
  centered?: boolean;
  /** Patterns of names with a learning rate or weight decay of their own: `layer4*:lr=0.01,weight_decay=0` (groups.ts). */
  groups?: string[];
  /** No weight decay on normalisation layers and biases. */
  exemptNormBias?: boolean;
}

/** How a run minimises its loss. */
export interface OptimisationOptions extends OptimizerChoice {
  /** Gradients are scaled down to this norm together. */
  clipNorm?: number;
  /** Each element of a gradient is cut off at this value. */
  clipValue?: number;
  /** Strengths of the pull to the starting values, and to zero for fresh weights (l2-sp.ts). */
  l2Sp?: number[];
  /** Batches of a step; 1 where absent. */
  accumulate?: number;
  /** Decay of the moving average of weights that is evaluated and kept as the best (ema.ts). */
  ema?: number;
  /** The average's decay grows to its value over the first steps. */
  emaWarmup?: boolean;
  /** A scheduler and its arguments, `step:step_size=5,gamma=0.5` (schedulers/options.ts). */
  scheduler?: string;
  /** A linear warm-up, `2` epochs or `steps=500,start_factor=0.1` (schedulers/options.ts). */
  warmup?: string;
  /** When to stop before the last epoch, `5` or `patience=5,min_delta=0.001,metric=accuracy` (early-stopping.ts). */
  earlyStop?: string;
  /** Share of the training loss's target spread over all classes. */
  labelSmoothing?: number;
  /** The training loss is the focal loss with this gamma. */
  focalGamma?: number;
}

const fraction = z.number().min(0).lt(1);
const text = z.string().min(1).exactOptional();

/** How they are stored in `config.json`. */
export const optimisationShape = {
  optimizer: z.enum(OPTIMIZERS),
  lr: z.number().positive(),
  weightDecay: z.number().nonnegative(),
  momentum: z.number().nonnegative(),
  nesterov: z.boolean(),
  dampening: fraction.exactOptional(),
  betas: z.array(fraction).length(2).exactOptional(),
  eps: z.number().positive().exactOptional(),
  alpha: fraction.exactOptional(),
  centered: z.boolean().exactOptional(),
  groups: z.array(z.string().min(1)).exactOptional(),
  exemptNormBias: z.boolean().exactOptional(),
  clipNorm: z.number().positive().exactOptional(),
  clipValue: z.number().positive().exactOptional(),
  l2Sp: z.array(z.number().nonnegative()).min(1).max(2).exactOptional(),
  accumulate: z.int().positive().exactOptional(),
  ema: fraction.exactOptional(),
  emaWarmup: z.boolean().exactOptional(),
  scheduler: text,
  warmup: text,
  earlyStop: text,
  labelSmoothing: fraction.exactOptional(),
  focalGamma: z.number().nonnegative().exactOptional(),
};

/** Options that only some optimisers have. */
const owners: Readonly<Partial<Record<keyof OptimizerChoice, readonly OptimizerName[]>>> = {
  momentum: ['sgd', 'rmsprop'],
  nesterov: ['sgd'],
  dampening: ['sgd'],
  betas: ['adam', 'adamw'],
  eps: ['adam', 'adamw', 'rmsprop'],
  alpha: ['rmsprop'],
  centered: ['rmsprop'],
};

const DEFAULT_MOMENTUM = { sgd: 0.9, rmsprop: 0, adam: 0, adamw: 0 };

/**
 * The options of how a new run minimises its loss, with what the optimiser takes where nothing is given: momentum 0.9 with
 * SGD, weight decay 0.01 with AdamW, which L2-SP takes the place of, none elsewhere.
 * @throws UserError for options that do not go together, and texts that cannot be read
 */
export function resolveOptimisation(
  given: Partial<OptimisationOptions>,
  defaults: { readonly optimizer: OptimizerName; readonly lr: number },
  epochs: number,
): OptimisationOptions {
  const optimizer = given.optimizer ?? defaults.optimizer;
  for (const [key, names] of Object.entries(owners)) {
    const value = given[key as keyof OptimizerChoice];
    if (value === undefined || value === false || names.includes(optimizer)) continue;
    throw new UserError(`--${key} is of --optimizer ${names.join(' and ')}; ${optimizer} has none`);
  }
  const momentum = given.momentum ?? DEFAULT_MOMENTUM[optimizer];
  if (given.nesterov && momentum === 0) throw new UserError('--nesterov needs a --momentum above 0');
  if (given.dampening && momentum === 0) throw new UserError('--dampening needs a --momentum above 0');
  if (given.nesterov && given.dampening) throw new UserError('--nesterov goes without --dampening');
  if (given.clipNorm !== undefined && given.clipValue !== undefined) {
    throw new UserError('--clip-norm and --clip-value are two ways to clip; choose one');
  }
  if (given.emaWarmup && given.ema === undefined) throw new UserError('--ema-warmup needs --ema');
  if (given.warmup !== undefined) parseWarmup(given.warmup, 1);
  if (given.earlyStop !== undefined) parseEarlyStopping(given.earlyStop);
  given.groups?.forEach(text => parseGroup(text));
  return {
    nesterov: false,
    weightDecay: optimizer === 'adamw' && !given.l2Sp ? 0.01 : 0,
    ...defaults,
    ...given,
    optimizer,
    momentum,
    ...(given.scheduler === undefined ? {} : { scheduler: resolveScheduler(given.scheduler, epochs) }),
  };
}

/** What gradients are clipped by, if at all. */
export function clippingOf({ clipNorm, clipValue }: OptimisationOptions): Clipping | undefined {
  if (clipNorm !== undefined) return { norm: clipNorm };
  return clipValue === undefined ? undefined : { value: clipValue };
}

/**
 * The optimiser of `model`'s parameters.
 * @throws UserError where a group's pattern matches no parameter
 */
export function createOptimizer(model: Module, options: OptimizerChoice): Optimizer {
  const { groups = [], exemptNormBias = false } = options;
  const parameters: Parameters =
    groups.length > 0 || exemptNormBias
      ? parameterGroups(model, groups.map(parseGroup), exemptNormBias)
      : model.parameters();
  const { lr, weightDecay, momentum, nesterov, dampening = 0, eps = 1e-8, alpha = 0.99, centered = false } = options;
  const betas = (options.betas ?? [0.9, 0.999]) as [number, number];
  switch (options.optimizer) {
    case 'adam':
      return new Adam(parameters, { lr, weightDecay, betas, eps });
    case 'adamw':
      return new AdamW(parameters, { lr, weightDecay, betas, eps });
    case 'sgd':
      return new SGD(parameters, { lr, weightDecay, momentum, nesterov, dampening });
    case 'rmsprop':
      return new RMSprop(parameters, { lr, weightDecay, momentum, alpha, eps, centered });
  }
}
