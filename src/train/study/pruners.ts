import type { Direction } from '../../interop/optuna-journal.js';
import type { JournalTrial } from '../../interop/optuna-replay.js';
import { median } from '../../util/statistics.js';

export type PrunerOptions =
  | { readonly name: 'none' }
  | {
      readonly name: 'median';
      /** No trial is pruned before so many are complete. */
      readonly nStartupTrials: number;
      /** Nor before this epoch. */
      readonly nWarmupSteps: number;
      /** Epochs between two decisions. */
      readonly intervalSteps: number;
    }
  | {
      readonly name: 'successive-halving';
      /** Epochs that every trial has, where `minEarlyStoppingRate` is 0. */
      readonly minResource: number;
      /** One of so many trials goes on from a rung to the next, which lies so many times as high. */
      readonly reductionFactor: number;
      readonly minEarlyStoppingRate: number;
    };

export interface Decision {
  readonly prune: boolean;
  /** What the trial is to remember: the values with which it reached rungs, under Optuna's names. */
  readonly systemAttrs: ReadonlyMap<string, number>;
}

const KEEP: Decision = { prune: false, systemAttrs: new Map() };
const PRUNE: Decision = { prune: true, systemAttrs: new Map() };

/** Whether a trial is to stop, judged after each of its epochs by the values so far of its own and of the others. */
export function decide(
  options: PrunerOptions,
  direction: Direction,
  trial: JournalTrial,
  trials: readonly JournalTrial[],
): Decision {
  if (trial.intermediate.size === 0) return KEEP;
  switch (options.name) {
    case 'none':
      return KEEP;
    case 'median':
      return byMedian(options, direction, trial, trials);
    case 'successive-halving':
      return byHalving(options, direction, trial, trials);
  }
}

type Median = Extract<PrunerOptions, { name: 'median' }>;
type Halving = Extract<PrunerOptions, { name: 'successive-halving' }>;

/** Optuna's MedianPruner: the trial's best value so far is worse than the median of the complete trials' at this step. */
function byMedian(options: Median, direction: Direction, trial: JournalTrial, trials: readonly JournalTrial[]) {
  const complete = trials.filter(({ state }) => state === 'complete');
  const step = lastStep(trial);
  if (complete.length === 0 || complete.length < options.nStartupTrials || step < options.nWarmupSteps) return KEEP;
  if (!isFirstOfInterval(step, trial, options)) return KEEP;
  const own = [...trial.intermediate.values()].filter(value => !Number.isNaN(value));
  if (own.length === 0) return PRUNE;
  const others = complete
    .map(({ intermediate }) => intermediate.get(step) ?? NaN)
    .filter(value => !Number.isNaN(value));
  if (others.length === 0) return KEEP;
  const middle = median(others);
  const worse = direction === 'minimize' ? Math.min(...own) > middle : Math.max(...own) < middle;
  return worse ? PRUNE : KEEP;
}

/** Whether no step since the last decision was due has been judged. */
function isFirstOfInterval(step: number, { intermediate }: JournalTrial, { nWarmupSteps, intervalSteps }: Median) {
  const due = Math.floor((step - nWarmupSteps) / intervalSteps) * intervalSteps + nWarmupSteps;
  const before = Math.max(-1, ...[...intermediate.keys()].filter(other => other !== step));
  return before < due;
}

/**
 * Optuna's SuccessiveHalvingPruner, after Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020):
 * at each rung a trial goes on if its value is among the best 1/η of those that have come so far.
 */
function byHalving(options: Halving, direction: Direction, trial: JournalTrial, trials: readonly JournalTrial[]) {
  const { minResource, reductionFactor, minEarlyStoppingRate } = options;
  const step = lastStep(trial);
  const value = trial.intermediate.get(step)!;
  const systemAttrs = new Map<string, number>();
  let rung = 0;
  while (trial.systemAttrs.has(rungKey(rung))) rung++;
  for (; step >= minResource * reductionFactor ** (minEarlyStoppingRate + rung); rung++) {
    if (Number.isNaN(value)) return { prune: true, systemAttrs };
    const key = rungKey(rung);
    systemAttrs.set(key, value);
    const others = trials.flatMap(({ number, systemAttrs: attrs }) =>
      number !== trial.number && attrs.has(key) ? [attrs.get(key) as number] : [],
    );
    if (!isPromoted(value, [...others, value], reductionFactor, direction)) return { prune: true, systemAttrs };
  }
  return { prune: false, systemAttrs };
}

/** Of fewer than η values the best alone goes on. */
function isPromoted(value: number, competing: readonly number[], reductionFactor: number, direction: Direction) {
  const sign = direction === 'minimize' ? 1 : -1;
  const sorted = competing.map(one => sign * one).sort((a, b) => a - b);
  const last = Math.max(Math.floor(competing.length / reductionFactor) - 1, 0);
  return sign * value <= sorted[last]!;
}

function rungKey(rung: number): string {
  return `completed_rung_${rung}`;
}

function lastStep({ intermediate }: JournalTrial): number {
  return Math.max(...intermediate.keys());
}
