import { closest } from 'fastest-levenshtein';
import * as z from 'zod';
import { PRESET_NAMES, presetSpec } from '../../data/augment/presets.js';
import { resolveSpec } from '../../data/augment/spec.js';
import { parseClassWeighting } from '../../data/sampling/class-weights.js';
import { parseSampler } from '../../data/sampling/sampler.js';
import { modelRegistry } from '../../nn/index.js';
import { UserError } from '../../util/errors.js';
import { parseEarlyStopping } from '../early-stopping.js';
import { parseGroup } from '../groups.js';
import { optionsShape } from '../options.js';
import { parseScheduler, parseWarmup } from '../schedulers/index.js';
import { stageSchema } from '../stage.js';
import type { TrainOptions } from '../types.js';
import { jointRecipeSchema } from './joint.js';

/** Where each option of a run stands in a recipe: `group.field`. An option without a place does not compile. */
export const places: Readonly<Record<keyof TrainOptions, `${string}.${string}`>> = {
  model: 'model.name',
  inputSize: 'model.input-size',
  dropout: 'model.dropout',
  se: 'model.se',
  activation: 'model.activation',
  init: 'model.init',
  initHead: 'model.init-head',

  data: 'data.path',
  dataset: 'data.dataset',
  labels: 'data.labels',
  labelRule: 'data.label-rule',
  labelSource: 'data.label-source',
  minRelfcs: 'data.min-relfcs',
  mapLabels: 'data.map-labels',
  classesKeep: 'data.classes-keep',
  perClass: 'data.per-class',
  split: 'data.split',
  splitSeed: 'data.split-seed',
  fold: 'data.fold',
  exclude: 'data.exclude',
  joint: 'data.joint',
  limit: 'data.limit',
  maxBad: 'data.max-bad',
  channels: 'data.channels',
  imageSize: 'data.image-size',
  equalize: 'data.equalize',
  mean: 'data.mean',
  std: 'data.std',
  augment: 'data.augment',

  epochs: 'training.epochs',
  batchSize: 'training.batch-size',
  accumulate: 'training.accumulate',
  sampler: 'training.sampler',
  earlyStop: 'training.early-stop',
  ema: 'training.ema',
  emaWarmup: 'training.ema-warmup',
  precision: 'training.precision',
  seed: 'training.seed',

  classWeights: 'loss.class-weights',
  labelSmoothing: 'loss.label-smoothing',
  focalGamma: 'loss.focal-gamma',

  optimizer: 'optimizer.name',
  lr: 'optimizer.lr',
  weightDecay: 'optimizer.weight-decay',
  exemptNormBias: 'optimizer.exempt-norm-bias',
  momentum: 'optimizer.momentum',
  nesterov: 'optimizer.nesterov',
  dampening: 'optimizer.dampening',
  betas: 'optimizer.betas',
  alpha: 'optimizer.alpha',
  centered: 'optimizer.centered',
  eps: 'optimizer.eps',
  groups: 'optimizer.groups',
  l2Sp: 'optimizer.l2-sp',
  clipNorm: 'optimizer.clip-norm',
  clipValue: 'optimizer.clip-value',

  scheduler: 'schedule.scheduler',
  warmup: 'schedule.warmup',
  freeze: 'schedule.freeze',
  unfreeze: 'schedule.unfreeze',
  stages: 'schedule.stages',

  saveEverySteps: 'checkpoints.every-steps',
  saveEveryEpochs: 'checkpoints.every-epochs',
  keep: 'checkpoints.keep',

  logHistograms: 'tensorboard.histograms',
  logImages: 'tensorboard.images',
};

/** Options that name files; in a recipe they are relative to it. */
export const pathOptions = ['data', 'labels', 'exclude', 'init'] as const;

const share = z.number().min(0).max(1).exactOptional();

/** Figures of a recipe's source, as fractions, on what is validation and test here. */
export const reportedSchema = z.strictObject({
  'val-accuracy': share,
  'test-accuracy': share,
  'test-macro-f1': share,
  'test-weighted-f1': share,
});

export type Reported = z.infer<typeof reportedSchema>;

/** What a recipe says of itself; it decides nothing. */
export const aboutSchema = z.strictObject({
  /** The experiment. */
  title: z.string().min(1),
  /** The data that it is meant for. */
  data: z.string().min(1),
  /** What was reported for it. */
  reproduces: z.string().min(1).exactOptional(),
  /** The same in figures, to compare with. */
  reported: reportedSchema.exactOptional(),
});

export type About = z.infer<typeof aboutSchema>;

/** A schema whose values `read` understands; what it throws for the user becomes an issue. */
function read<T>(schema: z.ZodType<T>, read: (value: T) => unknown): z.ZodType {
  return schema.transform((value, context) => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.issues.push({ code: 'custom', message: error.message, input: value });
      return z.NEVER;
    }
  });
}

/** A text that `parse` understands, and that stays a text. */
function text(parse: (text: string) => unknown): z.ZodType {
  return read(z.string().min(1), value => {
    parse(value);
    return value;
  });
}

/** Likewise, where a number says enough: `warmup: 2`. */
function textOrNumber(parse: (text: string) => unknown): z.ZodType {
  return read(z.union([z.string().min(1), z.number()], { error: 'give a number, or a text' }), value => {
    parse(String(value));
    return String(value);
  });
}

function requireModel(name: string): void {
  if (Object.hasOwn(modelRegistry, name)) return;
  const names = Object.keys(modelRegistry);
  throw new UserError(
    `no model is called '${name}': did you mean ${closest(name, names)}? Valid are: ${names.join(', ')}`,
  );
}

function readAugment(given: string | unknown[]): unknown {
  if (typeof given !== 'string') return resolveSpec(given);
  const spec = presetSpec(given);
  if (spec) return spec;
  throw new UserError(
    `no preset is called '${given}': did you mean ${closest(given, PRESET_NAMES)}? ` +
      `Give one of ${PRESET_NAMES.join(', ')}, or a list of transforms`,
  );
}

const scheduler = text(parseScheduler);
const warmup = textOrNumber(text => parseWarmup(text, 1));
const groups = z.array(text(parseGroup));

/** What recipes check beyond what `config.json` does, as the command line's options do: people write recipes. */
const stricter: Readonly<Partial<Record<keyof TrainOptions, z.ZodType>>> = {
  model: text(requireModel),
  augment: read(
    z.union([z.string(), z.array(z.unknown())], { error: 'give the name of a preset, or a list of transforms' }),
    readAugment,
  ),
  split: z.tuple([z.number().positive(), z.number().nonnegative(), z.number().nonnegative()]),
  batchSize: z.int().min(1).max(65_536),
  accumulate: z.int().min(1).max(65_536),
  seed: z.int().min(0).max(0xffff_ffff),
  splitSeed: z.int().min(0).max(0xffff_ffff),
  joint: jointRecipeSchema,
  momentum: z.number().min(0).lt(1),
  sampler: text(parseSampler),
  classWeights: text(parseClassWeighting),
  earlyStop: textOrNumber(parseEarlyStopping),
  ...{ scheduler, warmup, groups },
  stages: z
    .array(
      stageSchema.extend({
        ...{ scheduler: scheduler.exactOptional(), warmup: warmup.exactOptional(), groups: groups.exactOptional() },
      }),
    )
    .min(1),
};

/** A recipe as a file has it. Only the model has to be there. */
export const recipeSchema = z.strictObject({
  about: aboutSchema.exactOptional(),
  ...Object.fromEntries(
    Object.entries(schemasByGroup()).map(([group, shape]) => {
      const schema = z.strictObject(shape);
      return [group, group === 'model' ? schema : schema.exactOptional()];
    }),
  ),
});

function schemasByGroup(): Record<string, Record<string, z.ZodType>> {
  const groups: Record<string, Record<string, z.ZodType>> = {};
  for (const [key, place] of optionPlaces()) {
    const [group, field] = place.split('.') as [string, string];
    const schema = stricter[key] ?? optionsShape[key];
    const required = key === 'model' || schema instanceof z.ZodExactOptional;
    (groups[group] ??= {})[field] = required ? schema : schema.exactOptional();
  }
  return groups;
}

/** The options of a run with their places, in a recipe's order. */
export function optionPlaces(): [key: keyof TrainOptions, place: string][] {
  return Object.entries(places) as [keyof TrainOptions, string][];
}
