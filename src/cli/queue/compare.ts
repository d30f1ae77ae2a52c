import { join } from 'node:path';
import { enqueueExperiments, type EnqueuerContext } from '../../queue/index.js';
import { codeOf, DEFAULT_OUT, planComparison, showComparison, type CompareFlags } from '../comparison.js';
import { loadRunDataVisibly } from '../load-data.js';
import { QueuedRunsJson, QueuedRunsReporter } from '../report/queued-runs.js';
import { StatusBlock, WorkersJson, WorkersView } from '../report/workers.js';
import { Interruption } from '../signals.js';
import { packageVersion } from '../version.js';
import { openQueue, withEnqueuer } from './open.js';

/** `facegrad compare --queue`: gives the exit code. */
export async function compareOnQueue(flags: CompareFlags): Promise<number> {
  const block = new StatusBlock();
  const reporter = flags.json ? new QueuedRunsJson() : new QueuedRunsReporter(block);
  const note = (text: string) => {
    reporter.note(text);
  };
  const queue = await openQueue(flags, note);
  const interruption = new Interruption(() => {
    note('taking back the runs that no worker has; once more stops at once');
  });
  try {
    const out = flags.out ?? join(queue.store.path, DEFAULT_OUT);
    const path = await queue.store.require('--out', out);
    const { plan, title } = await planComparison(flags, out);
    const { autotune, tensorboard, json } = flags;
    const context: EnqueuerContext = {
      ...queue,
      ...{ version: packageVersion(), name: `comparison ${path}`, title: `the comparison in ${out}` },
      reporter: json ? new WorkersJson() : new WorkersView(block, note),
    };
    const comparison = await withEnqueuer(context, enqueuer =>
      enqueueExperiments(plan, out, enqueuer, {
        ...{ title, reporter, autotune, tensorboard, signal: interruption.signal, version: packageVersion() },
        load: options => block.during(() => loadRunDataVisibly(options)),
      }),
    );
    block.clear();
    if (json) console.log(JSON.stringify({ event: 'comparison', ...comparison }));
    else await showComparison(comparison, out, flags);
    if (interruption.exitCode === undefined) return codeOf(comparison);
    note('interrupted; the same command goes on, and collects what workers have done meanwhile');
    return interruption.exitCode;
  } finally {
    queue.connection.close();
    block.clear();
    interruption.dispose();
  }
}
