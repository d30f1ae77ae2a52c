import type { DataSet } from '../../data/dataset.js';
import { enqueueSeries, type EnqueuerContext } from '../../queue/index.js';
import type { SeriesFolder } from '../../train/series/index.js';
import { exitCodes } from '../errors.js';
import { QueuedRunsJson, QueuedRunsReporter } from '../report/queued-runs.js';
import { StatusBlock, WorkersJson, WorkersView } from '../report/workers.js';
import { Interruption } from '../signals.js';
import { packageVersion } from '../version.js';
import { withEnqueuer, type OpenQueue } from './open.js';

/** The runs of a series, trained by workers: gives the exit code. */
export async function trainOnQueue(
  folder: SeriesFolder,
  data: DataSet,
  settings: {
    readonly json: boolean;
    readonly autotune?: boolean | undefined;
    readonly tensorboard?: boolean | undefined;
  },
  queue: OpenQueue,
): Promise<number> {
  const { json, autotune, tensorboard } = settings;
  const block = new StatusBlock();
  const reporter = json ? new QueuedRunsJson() : new QueuedRunsReporter(block);
  const note = (text: string) => {
    reporter.note(text);
  };
  const interruption = new Interruption(() => {
    note('taking back the runs that no worker has; once more stops at once');
  });
  const path = await queue.store.require('--out', folder.path);
  const context: EnqueuerContext = {
    ...queue,
    ...{ version: packageVersion(), name: `series ${path}`, title: `${folder.plan.kind} in ${folder.path}` },
    reporter: json ? new WorkersJson() : new WorkersView(block, note),
  };
  try {
    await withEnqueuer(context, enqueuer =>
      enqueueSeries(folder, data, enqueuer, {
        ...{ reporter, autotune, tensorboard, signal: interruption.signal, version: packageVersion() },
      }),
    );
    return interruption.exitCode ?? exitCodes.success;
  } finally {
    block.clear();
    interruption.dispose();
  }
}
