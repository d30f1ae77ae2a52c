import type { DataSet } from '../data/dataset.js';
import type { About } from '../train/recipes/index.js';
import type { SeriesFolder, SeriesKind } from '../train/series/index.js';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { exitCodes } from './errors.js';
import type { OpenQueue } from './queue/open.js';
import type { QueueFlags } from './queue/options.js';
import { Interruption } from './signals.js';
import { packageVersion } from './version.js';

/** What is not part of a run's options. */
export interface SeriesSettings {
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  readonly autotune?: boolean | undefined;
  readonly tensorboard?: boolean | undefined;
  readonly json: boolean;
  /** Where the runs are left to workers. */
  readonly queue?: QueueFlags | undefined;
}

/** What `train --folds` or `train --repeats` asked for. */
export interface NewSeries {
  readonly kind: SeriesKind;
  readonly count: number;
  readonly out: string | undefined;
  readonly options: TrainOptions;
  readonly about: About | undefined;
}

/** `--folds` and `--repeats` as one; undefined where neither is given. */
export function seriesAsked(
  { folds, repeats }: { folds?: number | undefined; repeats?: number | undefined },
  beside: { resume?: string | undefined; force?: true | undefined },
): Pick<NewSeries, 'kind' | 'count'> | undefined {
  const count = folds ?? repeats;
  if (count === undefined) return undefined;
  const flag = folds === undefined ? '--repeats' : '--folds';
  if (folds !== undefined && repeats !== undefined) {
    throw new UserError('--folds and --repeats are two series: train one, then the other with another --seed');
  }
  if (beside.resume !== undefined) throw new UserError(`--resume continues what was begun: leave out ${flag}`);
  if (beside.force) throw new UserError(`--force replaces one run: with ${flag} choose another --out`);
  return { kind: folds === undefined ? 'repeats' : 'folds', count };
}

/** Begins a series. Gives the exit code. */
export async function beginSeries({ out, ...asked }: NewSeries, settings: SeriesSettings): Promise<number> {
  const { kind, options } = asked;
  if (kind === 'folds' && options.fold) {
    throw new UserError(`the recipe is fold ${options.fold.index} of ${options.fold.of} already: leave out --folds`);
  }
  return withQueue(settings, async queue => {
    const { defaultRunPath } = await import('../train/run.js');
    const { SeriesFolder, requireNoSeries } = await import('../train/series/index.js');
    const path = out ?? (await defaultRunPath(`${options.model}-${kind}`, new Date(), queue?.store.path));
    await queue?.store.require('--out', path);
    await requireNoSeries(path);
    const data = await loadData(options);
    const { titleOf } = await import('../data/dataset.js');
    const plan = {
      ...{ facegrad: packageVersion(), created: new Date().toISOString() },
      ...{ kind, count: asked.count, options },
      ...(asked.about ? { about: asked.about } : {}),
      data: { name: titleOf(data), fingerprint: data.fingerprint },
    };
    const folder = await SeriesFolder.create(path, plan, await translateFor(queue));
    return train(folder, data, settings, queue);
  });
}

/** Goes on with the series in a folder, if it holds one; else undefined. Gives the exit code. */
export async function resumeSeries(
  path: string,
  given: Partial<TrainOptions>,
  from: string | undefined,
  settings: SeriesSettings,
): Promise<number | undefined> {
  const { MOVED_OPTIONS, SeriesFolder, seriesKindOf } = await import('../train/series/index.js');
  const kind = await seriesKindOf(path);
  if (kind === undefined) return undefined;
  if (from !== undefined) {
    throw new UserError(`--from ${from}: ${path} holds ${kind}; go back in one of them: --resume ${path}/<run>`);
  }
  const moved = Object.fromEntries(
    MOVED_OPTIONS.flatMap(key => (given[key] === undefined ? [] : [[key, given[key]] as const])),
  );
  const other = Object.keys(given).find(key => !Object.hasOwn(moved, key));
  if (other !== undefined) {
    throw new UserError(
      `${path} holds ${kind}, which keep their options: beside --resume only --data, --labels and --exclude`,
    );
  }
  return withQueue(settings, async queue => {
    const folder = await SeriesFolder.open(path, moved, await translateFor(queue));
    const finished = await Promise.all(folder.members.map(member => folder.finished(member)));
    if (finished.every(Boolean)) {
      console.error(`all ${folder.plan.count} runs in ${path} have finished`);
      await show(folder, settings);
      return exitCodes.success;
    }
    await queue?.store.require('--resume', path);
    return train(folder, await loadData(folder.plan.options), settings, queue);
  });
}

/** With the queue that the settings name, if any. */
async function withQueue(
  { queue, adapter, backend }: SeriesSettings,
  work: (queue?: OpenQueue) => Promise<number>,
): Promise<number> {
  if (!queue) return work();
  const { openQueue } = await import('./queue/open.js');
  const opened = await openQueue(
    { ...queue, ...(adapter ? { adapter } : {}), ...(backend ? { backend } : {}) },
    text => {
      console.error(text);
    },
  );
  try {
    return await work(opened);
  } finally {
    opened.connection.close();
  }
}

/** Workers of a queue write their own paths into the runs. */
async function translateFor(queue: OpenQueue | undefined) {
  if (!queue) return undefined;
  const { translatorOf } = await import('../queue/index.js');
  return translatorOf(queue.store);
}

async function loadData(options: TrainOptions): Promise<DataSet> {
  const { loadRunDataVisibly } = await import('./load-data.js');
  return loadRunDataVisibly(options);
}

async function train(
  folder: SeriesFolder,
  data: DataSet,
  settings: SeriesSettings,
  queue?: OpenQueue,
): Promise<number> {
  if (queue) {
    const { trainOnQueue } = await import('./queue/series.js');
    const code = await trainOnQueue(folder, data, settings, queue);
    await show(folder, settings);
    return code;
  }
  const { json, adapter, backend, autotune, tensorboard } = settings;
  const { chooseReporter } = await import('./report/choose.js');
  const { trainSeries } = await import('../train/series/index.js');
  const note = (text: string) => {
    console.error(text);
  };
  const interruption = new Interruption(() => {
    note('stopping after this step and saving; once more stops at once, without saving');
  });
  try {
    await trainSeries(folder, data, {
      ...{ adapter, backend, autotune, tensorboard },
      ...{ note, signal: interruption.signal, version: packageVersion() },
      reporterFor: (_member, history) => chooseReporter(json, history),
    });
    await show(folder, settings);
    return interruption.exitCode ?? exitCodes.success;
  } finally {
    interruption.dispose();
  }
}

async function show(folder: SeriesFolder, { json, queue: isQueued }: SeriesSettings): Promise<void> {
  const { seriesTable, seriesTitle } = await import('../train/series/index.js');
  const { columns } = await import('./report/format.js');
  const summary = await folder.update();
  const { kind, count, runs } = summary;
  if (json) {
    console.log(JSON.stringify({ event: kind, ...summary }));
    return;
  }
  const queue = isQueued ? ' --queue' : '';
  const more = runs.length < count ? [`continue with: facegrad train --resume ${folder.path}${queue}`] : [];
  const lines = [seriesTitle(summary), ...columns(seriesTable(summary), 'lr'), ...more, `results: ${folder.path}`];
  console.log(['', ...lines].join('\n'));
}
