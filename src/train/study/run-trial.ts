import { kindOf } from '../files.js';
import type { DataSet } from '../../data/dataset.js';
import type { openDevice } from '../../gpu/node.js';
import type { JournalTrial } from '../../interop/optuna-replay.js';
import { recipeText, type RecipeHead } from '../recipes/index.js';
import { requireSameData } from '../resumed-options.js';
import { RunFolder } from '../run.js';
import { trainRun } from '../train-run.js';
import type { EpochRow, Reporter, StepProgress, TrainOptions } from '../types.js';
import { optionsOfTrial, recipeOfTrial, type Metric } from './definition.js';
import { valuesOf, type Study } from './study.js';

export interface TrialContext {
  /** The run's folder. */
  readonly folder: string;
  /** A data set that goes before the recipe's own. */
  readonly data?: string | undefined;
  readonly loadData: (options: TrainOptions) => Promise<DataSet>;
  /** Aborted: the run is saved, and the trial left for whoever comes next. */
  readonly signal: AbortSignal;
  readonly version: string;
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  readonly openDevice?: typeof openDevice | undefined;
  readonly onStart: (epochs: number) => void;
  readonly onStep: (progress: StepProgress) => void;
  readonly onEpoch: (row: EpochRow) => void;
  readonly onNote: (text: string) => void;
}

export type TrialOutcome = 'complete' | 'pruned' | 'interrupted';

/**
 * Trains a trial in a run folder of its own, or goes on with the run that the folder holds, and tells the study of each epoch.
 * The run never looks at the test split: a study chooses on validation.
 */
export async function runTrial(study: Study, trial: JournalTrial, context: TrialContext): Promise<TrialOutcome> {
  const { folder, signal, version, adapter, backend, openDevice } = context;
  const options = optionsOfTrial(study.definition, valuesOf(trial), context.data);
  const begun = await beginOf(folder, study, trial, options);
  const data = withoutTest(await context.loadData(options));
  if (begun.resume) requireSameData(begun.run.config, data.fingerprint, options.data);
  const stop = new AbortController();
  const telling = new EpochTeller(study, trial, begun.run, stop);
  context.onStart(options.epochs);
  const summary = await trainRun(data, options, {
    ...{ ...begun, version, adapter, backend, openDevice },
    reporter: reporterOf(context, () => {
      telling.tell();
    }),
    signal: AbortSignal.any([signal, stop.signal]),
  });
  if (await telling.end()) return 'pruned';
  if (summary.interrupted) {
    await study.release(trial);
    return 'interrupted';
  }
  await study.complete(trial, bestValue(study.definition.metric, await begun.run.readMetrics()));
  return 'complete';
}

/** What a study makes of an epoch. */
export function valueOf(metric: Metric, { valLoss, valAccuracy }: EpochRow): number {
  return metric === 'loss' ? valLoss : valAccuracy;
}

/** The value of a whole run: its best epoch's. */
export function bestValue(metric: Metric, rows: readonly EpochRow[]): number {
  const values = rows.map(row => valueOf(metric, row));
  return metric === 'loss' ? Math.min(...values) : Math.max(...values);
}

/** A run that was killed before it wrote its config begins again in its folder. */
async function beginOf(
  folder: string,
  study: Study,
  trial: JournalTrial,
  options: TrainOptions,
): Promise<{ run: RunFolder; resume: boolean }> {
  if (await holdsRun(folder)) return { run: await RunFolder.open(folder), resume: true };
  const recipe = recipeText(options, headOfTrial(study, trial));
  return { run: await RunFolder.create(folder, { force: true, recipe }), resume: false };
}

/** What stands above the recipe of a trial. */
export function headOfTrial({ definition }: Study, trial: JournalTrial): RecipeHead {
  const { about } = recipeOfTrial(definition, valuesOf(trial));
  const comment = `${definition.recipe.name}, as trial ${trial.number} of study ${definition.name} follows it.`;
  return { about, comment };
}

async function holdsRun(folder: string): Promise<boolean> {
  return (await kindOf(`${folder}/config.json`)) === 'file';
}

/** The same data without their test split. */
export function withoutTest(data: DataSet): DataSet {
  const { test } = data.splits;
  const { targets, ...rest } = test;
  const empty = { ...rest, count: 0, images: test.images.subarray(0, 0), labels: test.labels.subarray(0, 0) };
  const none = {
    ...empty,
    ...(targets ? { targets: targets.subarray(0, 0) } : {}),
    ...(test.names ? { names: [] } : {}),
  };
  return { ...data, splits: { ...data.splits, test: none } };
}

/**
 * Tells the study of a run's epochs, each once and in order; those too that the run saved before it was killed, and the study
 * never heard of. Stops the run when the study prunes it.
 */
class EpochTeller {
  #told: Promise<boolean> = Promise.resolve(false);

  constructor(
    private readonly study: Study,
    private readonly trial: JournalTrial,
    private readonly run: RunFolder,
    private readonly stop: AbortController,
  ) {}

  /** Training goes on meanwhile. */
  tell(): void {
    this.#told = this.#told.then(pruned => pruned || this.#tellAll());
    // What goes wrong stops the run, and is thrown by `end`.
    this.#told.catch(() => {
      this.stop.abort();
    });
  }

  /** Whether the trial was pruned. */
  async end(): Promise<boolean> {
    this.tell();
    return this.#told;
  }

  async #tellAll(): Promise<boolean> {
    for (const row of await this.run.readMetrics()) {
      if (!(await this.study.report(this.trial, row.epoch, valueOf(this.study.definition.metric, row)))) continue;
      this.stop.abort();
      return true;
    }
    return false;
  }
}

function reporterOf({ onStep, onEpoch, onNote }: TrialContext, onSavedEpoch: () => void): Reporter {
  const nothing = () => undefined;
  return {
    ...{ start: nothing, saved: nothing, end: nothing },
    step: onStep,
    epoch: row => {
      onEpoch(row);
      onSavedEpoch();
    },
    note: onNote,
  };
}
