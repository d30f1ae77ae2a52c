import type { Module } from '../nn/index.js';
import { UserError } from '../util/errors.js';
import { parameterGroups, parseGroup } from './groups.js';
import { createSchedule, parseScheduler, parseWarmup, resolveScheduler } from './schedulers/index.js';
import type { Stage } from './stage.js';
import type { TrainOptions } from './types.js';

/**
 * The options of a new run that has stages: its epochs are theirs, and their schedulers know how long they are.
 * @throws UserError for options of the run that stages have in their place, and texts that cannot be read
 */
export function resolveStages<T extends Partial<TrainOptions>>(given: T): T {
  const { stages, epochs } = given;
  if (given.unfreeze && !given.freeze && !stages) {
    throw new UserError('--unfreeze takes patterns out of --freeze, which is missing');
  }
  if (!stages) return given;
  for (const key of ['scheduler', 'warmup', 'earlyStop'] as const) {
    if (given[key] === undefined) continue;
    throw new UserError(
      key === 'earlyStop'
        ? '--early-stop goes without stages: their lengths are given'
        : `--${key} goes without stages: each of them has its own ${key}`,
    );
  }
  for (const key of ['freeze', 'unfreeze'] as const) {
    if (given[key] !== undefined) throw new UserError(`--${key} goes without stages: each of them has its own ${key}`);
  }
  for (const key of ['lr', 'groups'] as const) {
    if (given[key] === undefined || stages.some(stage => stage[key] === undefined)) continue;
    throw new UserError(`--${key} would do nothing: every stage of the run has its own ${key}`);
  }
  const total = stages.reduce((sum, stage) => sum + stage.epochs, 0);
  if (epochs !== undefined && epochs !== total) {
    throw new UserError(`--epochs ${epochs}: the run's stages have ${total} epochs; change theirs`);
  }
  return { ...given, epochs: total, stages: stages.map((stage, i) => resolveStage(stage, `stage ${i + 1}`)) };
}

function resolveStage(stage: Stage, place: string): Stage {
  try {
    if (stage.unfreeze && !stage.freeze) throw new UserError('unfreeze takes patterns out of freeze, which is missing');
    if (stage.warmup !== undefined) parseWarmup(stage.warmup, 1);
    stage.groups?.forEach(text => parseGroup(text));
    if (stage.scheduler === undefined) return stage;
    parseScheduler(stage.scheduler);
    return { ...stage, scheduler: resolveScheduler(stage.scheduler, stage.epochs) };
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${place}: ${error.message}`) : error;
  }
}

/** Number of the stage, from 0, to which the epoch after `epochs` finished ones belongs; the last one's at the end. */
export function stageAt({ stages = [] }: Pick<TrainOptions, 'stages'>, epochs: number): number {
  let end = 0;
  const found = stages.findIndex(stage => epochs < (end += stage.epochs));
  return found >= 0 ? found : Math.max(0, stages.length - 1);
}

/** The options that hold in a stage, whose length then is that of the run; the run's own where it has no stages. */
export function optionsOfStage(options: TrainOptions, index: number): TrainOptions {
  const stage = options.stages?.[index];
  if (!stage) return options;
  const { epochs, lr = options.lr, groups = options.groups, scheduler, warmup } = stage;
  return {
    ...options,
    ...{ epochs, lr },
    ...(groups && { groups }),
    ...(scheduler !== undefined && { scheduler }),
    ...(warmup !== undefined && { warmup }),
  };
}

/**
 * Lets the parameters learn that learn in a stage, or in a run without stages, and no others.
 * @throws UserError where a pattern matches nothing, or none is left
 */
export function freezeForStage(
  model: Module,
  options: Pick<TrainOptions, 'stages' | 'freeze' | 'unfreeze'>,
  index: number,
): void {
  const stage = options.stages?.[index];
  const { freeze = [], unfreeze = [] } = stage ?? options;
  model.unfreeze('*');
  // One by one, so that each has to match something.
  for (const pattern of freeze) model.freeze(pattern);
  for (const pattern of unfreeze) model.unfreeze(pattern);
  if (model.parameters().every(({ requiresGrad }) => !requiresGrad)) {
    throw new UserError(
      `${stage ? `stage ${index + 1}` : '--freeze'} freezes every parameter: nothing is left to learn`,
    );
  }
}

/**
 * Finds what would stop a later stage, so that it does before the first.
 * @throws UserError for patterns that match nothing, and schedules that are longer than their stage
 */
export function checkStages(model: Module, options: TrainOptions, stepsPerEpoch: number): void {
  options.stages?.forEach((_, i) => {
    freezeForStage(model, options, i);
    const { groups = [], ...rest } = optionsOfStage(options, i);
    parameterGroups(model, groups.map(parseGroup), false);
    createSchedule([{ lr: rest.lr, momentum: rest.momentum }], rest, { ...rest, stepsPerEpoch });
  });
}
