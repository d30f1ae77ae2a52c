import * as z from 'zod';
import { UserError } from '../../util/errors.js';
import { checkFields, parseFields, type Fields } from '../fields.js';
import { CosineAnnealingLR, CosineAnnealingWarmRestarts, ExponentialLR, MultiStepLR, StepLR } from './decay.js';
import { OneCycleLR } from './one-cycle.js';
import { ReduceLROnPlateau } from './plateau.js';
import { Schedule, type Per, type WarmupOptions } from './schedule.js';
import type { ScheduledGroup, Scheduler } from './scheduler.js';

/** What a schedule needs to know of the run. */
export interface RunLength {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** The run's --lr, beside which groups may have rates of their own. */
  readonly lr: number;
}

/** What a plateau watches: the validation's loss or accuracy. */
export type Watched = 'loss' | 'accuracy';

/** A scheduler's length in its own unit, where it is not given. */
interface Length extends RunLength {
  readonly left: number;
}

interface Definition<Shape extends z.ZodRawShape> {
  readonly shape: Shape;
  readonly per: Per;
  create(groups: readonly ScheduledGroup[], fields: z.infer<z.ZodObject<Shape>>, length: Length): Scheduler;
}

const positiveInt = z.int().positive();
const gamma = z.number().positive();
const etaMin = z.number().nonnegative().default(0);
const per = z.enum(['epoch', 'step']).exactOptional();
/** The scheduler ends with that epoch of the run. */
const epochs = positiveInt.exactOptional();

function define<Shape extends z.ZodRawShape>(definition: Definition<Shape>): Definition<z.ZodRawShape> {
  return definition;
}

/** Fields are called as in torch.optim.lr_scheduler; `per` says what they are counted in. */
const definitions: Readonly<Record<string, Definition<z.ZodRawShape>>> = {
  exponential: define({
    shape: { gamma, per },
    per: 'epoch',
    create: (groups, { gamma }) => new ExponentialLR(groups, { gamma }),
  }),
  step: define({
    shape: { step_size: positiveInt, gamma: gamma.default(0.1), per },
    per: 'epoch',
    create: (groups, { step_size: stepSize, gamma }) => new StepLR(groups, { stepSize, gamma }),
  }),
  multistep: define({
    shape: {
      // A single milestone is read as a number.
      milestones: z.preprocess(value => (typeof value === 'number' ? [value] : value), z.array(positiveInt).min(1)),
      gamma: gamma.default(0.1),
      per,
    },
    per: 'epoch',
    create: (groups, { milestones, gamma }) => new MultiStepLR(groups, { milestones, gamma }),
  }),
  cosine: define({
    shape: { t_max: positiveInt.exactOptional(), epochs, eta_min: etaMin, per },
    per: 'epoch',
    create: (groups, { t_max: tMax, eta_min: etaMin }, { left }) =>
      new CosineAnnealingLR(groups, { tMax: tMax ?? left, etaMin }),
  }),
  'cosine-restarts': define({
    shape: { t_0: positiveInt, t_mult: positiveInt.default(1), eta_min: etaMin, per },
    per: 'epoch',
    create: (groups, { t_0: t0, t_mult: tMult, eta_min: etaMin }) =>
      new CosineAnnealingWarmRestarts(groups, { t0, tMult, etaMin }),
  }),
  onecycle: define({
    shape: {
      max_lr: z.number().positive().exactOptional(),
      total_steps: positiveInt.exactOptional(),
      epochs,
      pct_start: z.number().gt(0).lt(1).default(0.3),
      anneal_strategy: z.enum(['cos', 'linear']).default('cos'),
      cycle_momentum: z.boolean().default(true),
      base_momentum: z.number().min(0).lt(1).default(0.85),
      max_momentum: z.number().min(0).lt(1).default(0.95),
      div_factor: z.number().positive().default(25),
      final_div_factor: z.number().positive().default(1e4),
      three_phase: z.boolean().default(false),
      per,
    },
    per: 'step',
    create: (groups, fields, { left, lr }) =>
      new OneCycleLR(groups, {
        // Groups keep the ratio of their rates.
        maxLr: groups.map(group => (group.lr / lr) * (fields.max_lr ?? lr)),
        totalSteps: fields.total_steps ?? left,
        pctStart: fields.pct_start,
        annealStrategy: fields.anneal_strategy,
        cycleMomentum: fields.cycle_momentum,
        baseMomentum: fields.base_momentum,
        maxMomentum: fields.max_momentum,
        divFactor: fields.div_factor,
        finalDivFactor: fields.final_div_factor,
        threePhase: fields.three_phase,
      }),
  }),
  plateau: define({
    shape: {
      metric: z.enum(['loss', 'accuracy']).default('loss'),
      factor: z.number().positive().lt(1).default(0.1),
      patience: z.int().nonnegative().default(10),
      threshold: z.number().nonnegative().default(1e-4),
      threshold_mode: z.enum(['rel', 'abs']).default('rel'),
      cooldown: z.int().nonnegative().default(0),
      min_lr: z.number().nonnegative().default(0),
      eps: z.number().nonnegative().default(1e-8),
    },
    per: 'epoch',
    create: (groups, { metric, threshold_mode: thresholdMode, min_lr: minLr, ...rest }) =>
      new ReduceLROnPlateau(groups, { mode: metric === 'loss' ? 'min' : 'max', thresholdMode, minLr, ...rest }),
  }),
};

/** Names that `parseScheduler` knows. */
export const schedulerNames = Object.keys(definitions);

/**
 * Reads `step:step_size=5,gamma=0.5`: a scheduler's name, and what it takes.
 * @throws UserError that says what is wrong and what there is
 */
export function parseScheduler(text: string): { name: string; fields: Fields } {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (!definition) {
    throw new UserError(`--scheduler ${text}: there is no scheduler '${name}'; there are ${schedulerNames.join(', ')}`);
  }
  const what = `--scheduler ${text}`;
  const given = parseFields(colon < 0 ? '' : text.slice(colon + 1), what);
  const fields = checkFields(z.strictObject(definition.shape), given, what) as Fields;
  for (const length of ['t_max', 'total_steps']) {
    if (fields[length] === undefined || fields.epochs === undefined) continue;
    throw new UserError(`${what}: ${length} and epochs both say how long it is; leave one out`);
  }
  return { name, fields };
}

/**
 * `text` with the run's length in it where that decides its rates, so that a run that is lengthened later keeps the
 * schedule that it began with.
 */
export function resolveScheduler(text: string, runEpochs: number): string {
  const { name, fields } = parseScheduler(text);
  const takesLength = 'epochs' in definitions[name]!.shape;
  if (!takesLength || ['t_max', 'total_steps', 'epochs'].some(field => fields[field] !== undefined)) return text;
  return `${text}${text.includes(':') ? ',' : ':'}epochs=${runEpochs}`;
}

const warmupSchema = z.strictObject({
  epochs: z.number().positive().exactOptional(),
  steps: positiveInt.exactOptional(),
  start_factor: z
    .number()
    .gt(0)
    .max(1)
    .default(1 / 3),
  per: z.enum(['epoch', 'step']).default('step'),
});

/**
 * Reads `--warmup`: a number of epochs, or `epochs=` or `steps=` with `start_factor` (torch.optim.lr_scheduler.LinearLR's, a
 * third by default) and `per`: whether the rates rise after every step, by default, or every epoch.
 * @throws UserError
 */
export function parseWarmup(text: string, stepsPerEpoch: number): WarmupOptions {
  const what = `--warmup ${text}`;
  const fields = checkFields(warmupSchema, parseFields(/^[\d.]+$/.test(text) ? `epochs=${text}` : text, what), what);
  const { epochs, steps, start_factor: startFactor, per } = fields;
  if ((epochs === undefined) === (steps === undefined)) {
    throw new UserError(`${what}: say how long it is by epochs or by steps`);
  }
  if (per === 'step') return { length: steps ?? Math.max(1, Math.round(epochs! * stepsPerEpoch)), startFactor, per };
  if (epochs === undefined || !Number.isInteger(epochs)) {
    throw new UserError(`${what}: with per=epoch it takes a whole number of epochs`);
  }
  return { length: epochs, startFactor, per };
}

/**
 * The schedule of a run by its options; undefined where rates stay as they are.
 * @throws UserError also where it is shorter than the run and cannot go on
 */
export function createSchedule(
  groups: readonly ScheduledGroup[],
  options: { readonly scheduler?: string; readonly warmup?: string },
  run: RunLength,
): { schedule: Schedule; watched: Watched } | undefined {
  const { scheduler: text } = options;
  if (text === undefined && options.warmup === undefined) return undefined;
  const warmup = options.warmup === undefined ? undefined : parseWarmup(options.warmup, run.stepsPerEpoch);
  if (warmup && warmup.length >= run.epochs * (warmup.per === 'step' ? run.stepsPerEpoch : 1)) {
    throw new UserError(
      `--warmup ${options.warmup!} takes the whole run of ${run.epochs} epoch${run.epochs === 1 ? '' : 's'}, which would ` +
        'never reach --lr: give it fewer, or the run more --epochs',
    );
  }
  if (text === undefined) return { schedule: new Schedule(groups, undefined, warmup), watched: 'loss' };
  const { name, fields } = parseScheduler(text);
  const definition = definitions[name]!;
  const unit = (fields.per as Per | undefined) ?? definition.per;
  const inUnit = (count: number, of: Per) =>
    of === unit ? count : unit === 'step' ? count * run.stepsPerEpoch : Math.floor(count / run.stepsPerEpoch);
  const warm = warmup ? inUnit(warmup.length, warmup.per) : 0;
  const whole = inUnit(run.epochs, 'epoch');
  const left = inUnit((fields.epochs as number | undefined) ?? run.epochs, 'epoch') - warm;
  if (left < 1) throw new UserError(`--warmup ${options.warmup!} leaves nothing of the run for --scheduler ${text}`);
  const total = (fields.total_steps as number | undefined) ?? left;
  if (name === 'onecycle' && whole - warm > total) {
    throw new UserError(
      `--scheduler ${text} ends after ${total} ${unit}s, the run after ${whole - warm}: one-cycle cannot go on after its ` +
        'end; begin a new run for more epochs',
    );
  }
  const scheduler = definition.create(groups, fields, { ...run, left });
  const watched = (fields.metric as Watched | undefined) ?? 'loss';
  return { schedule: new Schedule(groups, { scheduler, per: unit }, warmup), watched };
}
