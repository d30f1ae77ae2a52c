import * as z from 'zod';
import type { Distribution } from '../../interop/optuna-journal.js';
import type { PrunerOptions } from './pruners.js';
import type { SamplerOptions } from './samplers.js';

/** What a study's file may say (docs/tuning.md). */

const grid = z.array(z.number()).min(1).exactOptional();
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'give a text, a number, true or null',
});

const float = z.strictObject({
  type: z.literal('float'),
  low: z.number(),
  high: z.number(),
  log: z.boolean().default(false),
  step: z.number().positive().exactOptional(),
  grid,
});

const int = z.strictObject({
  type: z.literal('int'),
  low: z.int(),
  high: z.int(),
  log: z.boolean().default(false),
  step: z.int().positive().default(1),
  grid,
});

const categorical = z.strictObject({ type: z.literal('categorical'), choices: z.array(scalar).min(1) });

export type Parameter = z.infer<typeof float> | z.infer<typeof int> | z.infer<typeof categorical>;

const seed = z.int().min(0).max(0xffff_ffff).default(0);

const tpe = z.strictObject({
  name: z.literal('tpe'),
  seed,
  'n-startup-trials': z.int().nonnegative().default(10),
  'n-ei-candidates': z.int().positive().default(24),
  gamma: z.number().positive().max(1).default(0.1),
});
const random = z.strictObject({ name: z.literal('random'), seed });
const gridSampler = z.strictObject({ name: z.literal('grid') });

const noPruner = z.strictObject({ name: z.literal('none') });
const median = z.strictObject({
  name: z.literal('median'),
  'n-startup-trials': z.int().nonnegative().default(5),
  'n-warmup-steps': z.int().nonnegative().default(0),
  'interval-steps': z.int().positive().default(1),
});
const halving = z.strictObject({
  name: z.literal('successive-halving'),
  'min-resource': z.int().positive().default(1),
  'reduction-factor': z.int().min(2).default(4),
  'min-early-stopping-rate': z.int().nonnegative().default(0),
});

/** Kinds of a part of the file, told apart by one field; for messages too. */
export const kinds = {
  parameter: { field: 'type', of: { float, int, categorical } },
  sampler: { field: 'name', of: { tpe, random, grid: gridSampler } },
  pruner: { field: 'name', of: { none: noPruner, median, 'successive-halving': halving } },
} as const;

export const studySchema = z.strictObject({
  name: z.string().min(1).exactOptional(),
  recipe: z.union([z.string().min(1), z.record(z.string(), z.unknown())], {
    error: 'give the name of a recipe, the path of one, or a recipe itself',
  }),
  set: z.record(z.string(), z.unknown()).default({}),
  metric: z.enum(['loss', 'accuracy']).default('loss'),
  trials: z.int().positive().exactOptional(),
  'search-space': z
    .record(z.string(), z.discriminatedUnion('type', [float, int, categorical]))
    .refine(space => Object.keys(space).length > 0, { error: 'name a field of the recipe to search' }),
  sampler: z.discriminatedUnion('name', [tpe, random, gridSampler]).default({
    ...{ name: 'tpe', seed: 0, 'n-startup-trials': 10, 'n-ei-candidates': 24, gamma: 0.1 },
  }),
  pruner: z.discriminatedUnion('name', [noPruner, median, halving]).default({ name: 'none' }),
});

export type StudyFile = z.infer<typeof studySchema>;

/** What Optuna calls a parameter's range. */
export function distributionOf(parameter: Parameter): Distribution {
  switch (parameter.type) {
    case 'float': {
      const { low, high, log, step = null } = parameter;
      return { name: 'FloatDistribution', attributes: { step, low, high, log } };
    }
    case 'int': {
      const { low, high, log, step } = parameter;
      return { name: 'IntDistribution', attributes: { log, step, low, high } };
    }
    case 'categorical':
      return { name: 'CategoricalDistribution', attributes: { choices: parameter.choices } };
  }
}

/** What is wrong with a parameter whose fields are each right. */
export function faultOf(parameter: Parameter): string | undefined {
  if (parameter.type === 'categorical') {
    const { choices } = parameter;
    const twice = choices.find((choice, i) => choices.indexOf(choice) < i);
    return twice === undefined ? undefined : `the choice ${JSON.stringify(twice)} stands there twice`;
  }
  const { low, high, log, step } = parameter;
  if (low > high) return `low ${low} is above high ${high}`;
  if (log && low <= 0) return `low is ${low}: a logarithmic range begins above 0`;
  if (log && step !== undefined && step !== 1) return 'a logarithmic range has no steps: leave out log or step';
  const steps = (high - low) / (step ?? (high - low || 1));
  if (Math.abs(steps - Math.round(steps)) > 1e-9) {
    const last = Number((low + Math.floor(steps) * step!).toPrecision(12));
    return `steps of ${step!} from ${low} do not end at ${high}: the last is ${last}`;
  }
  const outside = parameter.grid?.find(value => value < low || value > high);
  return outside === undefined ? undefined : `the grid's ${outside} is not from ${low} to ${high}`;
}

export function samplerOf(sampler: StudyFile['sampler']): SamplerOptions {
  if (sampler.name !== 'tpe') return sampler;
  const { name, seed, gamma } = sampler;
  const [nStartupTrials, nEiCandidates] = [sampler['n-startup-trials'], sampler['n-ei-candidates']];
  return { name, seed, gamma, nStartupTrials, nEiCandidates };
}

export function prunerOf(pruner: StudyFile['pruner']): PrunerOptions {
  switch (pruner.name) {
    case 'none':
      return pruner;
    case 'median':
      return {
        name: pruner.name,
        nStartupTrials: pruner['n-startup-trials'],
        nWarmupSteps: pruner['n-warmup-steps'],
        intervalSteps: pruner['interval-steps'],
      };
    case 'successive-halving':
      return {
        name: pruner.name,
        minResource: pruner['min-resource'],
        reductionFactor: pruner['reduction-factor'],
        minEarlyStoppingRate: pruner['min-early-stopping-rate'],
      };
  }
}
