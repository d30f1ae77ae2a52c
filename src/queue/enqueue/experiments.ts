import { basename } from 'node:path';
import type { DataSet } from '../../data/dataset.js';
import {
  Comparison,
  type Experiment,
  type ExperimentComparison,
  type ExperimentsPlan,
} from '../../evaluate/experiments/index.js';
import type { TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import { translatorOf } from '../places.js';
import type { Enqueuer } from './enqueuer.js';
import type { Ending } from './followed.js';
import { allEnded, followRun, type RunsReporter } from './runs.js';
import { appears } from './shared-disk.js';
import { DataBook, type TaskSettings } from './tasks.js';

export interface EnqueueExperimentsContext extends Pick<TaskSettings, 'autotune' | 'tensorboard'> {
  readonly title: string;
  readonly reporter: RunsReporter;
  /** Aborted: runs that no worker has are taken back, and the others go on without this process. */
  readonly signal: AbortSignal;
  readonly version: string;
  readonly load: (options: TrainOptions) => Promise<DataSet>;
}

/**
 * Trains and evaluates experiments on the workers of a queue, and writes the files of `runExperiments` into `out`, which lies in
 * the store, after each.
 * @throws {UserError} where `out` cannot be written, or holds runs of other options, and where another process compares there
 */
export async function enqueueExperiments(
  plan: ExperimentsPlan,
  out: string,
  enqueuer: Enqueuer,
  context: EnqueueExperimentsContext,
): Promise<ExperimentComparison> {
  const { reporter, title } = context;
  const note = (text: string) => {
    reporter.note(text);
  };
  const translate = translatorOf(enqueuer.store);
  const comparison = await Comparison.open(plan, out, { title, note, translate, lease: enqueuer.lease });
  try {
    return await enqueueAll(plan, comparison, enqueuer, context);
  } finally {
    await comparison.close();
  }
}

async function enqueueAll(
  { experiments }: ExperimentsPlan,
  comparison: Comparison,
  enqueuer: Enqueuer,
  context: EnqueueExperimentsContext,
): Promise<ExperimentComparison> {
  const { reporter, version, autotune, tensorboard } = context;
  const signal = AbortSignal.any([context.signal, enqueuer.fault]);
  const book = new DataBook(context.load);
  const settings = { test: true, evaluate: true, autotune, tensorboard };
  const runs: Promise<void>[] = [];
  // One thing at a time is written down.
  let writing: Promise<void> = Promise.resolve();
  const inTurn = (write: () => Promise<void>) => (writing = writing.then(write));
  const fail = (experiment: Experiment, message: string) => {
    reporter.note(`${experiment.path} failed: ${message}`);
    return comparison.recordFailure(experiment, message);
  };
  const writeDown = async (experiment: Experiment, ending: Ending) => {
    if (ending.outcome === 'failed') await fail(experiment, ending.error);
    if (ending.outcome !== 'complete') return;
    const summary = await appears(experiment.path, () => comparison.finished(experiment));
    await comparison.record(experiment, summary, ending.evaluation);
  };
  signal.addEventListener('abort', () => void enqueuer.withdraw().catch(() => undefined));
  for (const experiment of experiments) {
    if (signal.aborted) break;
    if (await comparison.takeUp(experiment)) continue;
    const { name, seed, path, options, head } = experiment;
    const run = { title: `${name}, seed ${seed}`, path, options, head: head ?? { comment: name } };
    try {
      const { whole } = await book.of(options);
      const { ended } = await followRun(basename(path), run, whole, enqueuer, reporter, version, settings, signal);
      runs.push(ended.then(ending => inTurn(() => writeDown(experiment, ending))));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (experiments.length === 1) throw error;
      await inTurn(() => fail(experiment, error.message));
    }
  }
  await allEnded(runs, enqueuer);
  return comparison.end();
}
