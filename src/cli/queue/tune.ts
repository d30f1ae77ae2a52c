import { enqueueStudy, type EnqueuerContext } from '../../queue/index.js';
import { StudyJsonReporter, StudyPlainReporter } from '../report/study.js';
import { StatusBlock, WorkersJson, WorkersView } from '../report/workers.js';
import { loadRunDataVisibly } from '../load-data.js';
import { Interruption } from '../signals.js';
import type { TuneFlags } from '../tune/flags.js';
import { openStudy } from '../tune/open.js';
import { packageVersion } from '../version.js';
import { openQueue, withEnqueuer } from './open.js';

/** `facegrad tune --queue`: gives the exit code. */
export async function tuneOnQueue(flags: TuneFlags): Promise<number> {
  const block = new StatusBlock();
  const reporter = flags.json ? new StudyJsonReporter() : new StudyPlainReporter(block);
  const note = (text: string) => {
    reporter.note(text);
  };
  const queue = await openQueue(flags, note);
  const interruption = new Interruption(() => {
    note('taking back the trials that no worker has; once more stops at once');
  });
  try {
    const { out, study } = await openStudy(flags, queue.store.path);
    const { name } = study.definition;
    const path = await queue.store.require('--out', out);
    const context: EnqueuerContext = {
      ...queue,
      ...{ version: packageVersion(), name: `study ${name} ${path}`, title: `study ${name} in ${out}` },
      reporter: flags.json ? new WorkersJson() : new WorkersView(block, note),
    };
    return await withEnqueuer(context, async enqueuer => {
      reporter.start({ name, journal: study.journal.path, total: study.total, trials: study.trials });
      const { data, takeOver } = flags;
      await enqueueStudy(study, enqueuer, {
        ...{ out, reporter, data, takeOver, signal: interruption.signal, version: packageVersion() },
        loadData: options => block.during(() => loadRunDataVisibly(options)),
      });
      await study.journal.sync();
      reporter.end(study.state, { total: study.total, interrupted: interruption.exitCode !== undefined, out });
      return interruption.exitCode ?? 0;
    });
  } finally {
    queue.connection.close();
    reporter.dispose();
    interruption.dispose();
  }
}
