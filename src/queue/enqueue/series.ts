import { basename } from 'node:path';
import type { DataSet } from '../../data/dataset.js';
import { foldWarning } from '../../data/folds.js';
import type { SeriesFolder, SeriesSummary } from '../../train/series/index.js';
import { UserError } from '../../util/errors.js';
import type { Enqueuer } from './enqueuer.js';
import { allEnded, followRun, type RunsReporter } from './runs.js';
import { appears } from './shared-disk.js';
import { adoptRun, type TaskSettings } from './tasks.js';

export interface EnqueueSeriesContext extends Pick<TaskSettings, 'autotune' | 'tensorboard'> {
  readonly reporter: RunsReporter;
  /** Aborted: runs that no worker has are taken back, and the others go on without this process. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/**
 * Trains the runs of a series on the workers of a queue, and writes down after each what came of them, as `trainSeries` does.
 * @param data as the source has them
 * @throws {UserError} where the data are not those that the series was begun with, where the series lies outside the store,
 * and where another process trains it
 * @throws where a run fails; those that no worker has are taken back then
 */
export async function enqueueSeries(
  folder: SeriesFolder,
  data: DataSet,
  enqueuer: Enqueuer,
  context: EnqueueSeriesContext,
): Promise<SeriesSummary> {
  const unlock = await folder.lock(enqueuer.lease);
  try {
    return await enqueueAll(folder, data, enqueuer, context);
  } finally {
    await unlock();
  }
}

async function enqueueAll(
  folder: SeriesFolder,
  data: DataSet,
  enqueuer: Enqueuer,
  context: EnqueueSeriesContext,
): Promise<SeriesSummary> {
  const { plan, members } = folder;
  const { reporter, version, autotune, tensorboard } = context;
  folder.requireData(data);
  const warning = plan.kind === 'folds' ? foldWarning(data, plan.count) : undefined;
  if (warning !== undefined) reporter.note(`warning: ${warning}`);
  const whole = { title: plan.data.name, fingerprint: plan.data.fingerprint };
  const settings = { test: true, evaluate: false, autotune, tensorboard };
  const failure = new AbortController();
  const signal = AbortSignal.any([context.signal, enqueuer.fault, failure.signal]);
  signal.addEventListener('abort', () => void enqueuer.withdraw().catch(() => undefined));
  await folder.update();
  let writing: Promise<unknown> = Promise.resolve();
  const runs: Promise<void>[] = [];
  for (const [i, member] of members.entries()) {
    if (signal.aborted) break;
    const { path, options, head } = member;
    const title = `${plan.kind === 'folds' ? 'fold' : 'repeat'} ${i + 1} of ${plan.count}`;
    const run = { title: `${title}, ${basename(folder.path)}`, path, options, head: head ?? { comment: title } };
    const finished = await folder.finished(member);
    if (finished) {
      // A worker may have come to its end while no command was there.
      if (finished.runFolder !== path) await adoptRun(run, true);
      continue;
    }
    const { ended } = await followRun(basename(path), run, whole, enqueuer, reporter, version, settings, signal);
    const written = ended.then(async ending => {
      if (ending.outcome === 'failed') {
        const error = `${path} failed: ${ending.error}`;
        throw ending.usage ? new UserError(error) : new Error(error);
      }
      if (ending.outcome === 'complete') await appears(path, () => folder.finished(member));
      await (writing = writing.then(() => folder.update()));
    });
    written.catch(() => {
      failure.abort();
    });
    runs.push(written);
  }
  await allEnded(runs, enqueuer);
  return folder.update();
}
