import { RunFolder } from '../../train/run.js';
import type { EpochRow } from '../../train/types.js';
import type { Enqueuer } from './enqueuer.js';
import { LOST, type Ending } from './followed.js';
import { adoptRun, taskOf, type DataIdentity, type Run, type TaskSettings } from './tasks.js';

/** Told what happens to runs that workers train. */
export interface RunsReporter {
  runStarted(run: Run, worker: string, resumed: boolean): void;
  epoch(run: Run, row: EpochRow): void;
  /** `left`: it goes on without this process; `withdrawn`: no worker has it. */
  runEnded(run: Run, how: Ending['outcome'], error?: string): void;
  note(text: string): void;
}

/**
 * Waits until all runs have come to their ends.
 * @throws what ended the enqueuer, or the first that failed
 */
export async function allEnded(runs: readonly Promise<void>[], { fault }: Enqueuer): Promise<void> {
  const outcomes = await Promise.allSettled(runs);
  const reason: unknown = fault.reason ?? outcomes.find(one => one.status === 'rejected')?.reason;
  if (reason !== undefined) throw reason as Error;
}

/**
 * Enqueues a run; when it is complete, its folder is as if it had been trained here.
 * @param name of the job, unlike that of any other of the enqueuer
 * @returns once it is in the queue, a promise of its end
 * @throws {UserError} where it lies outside the store
 */
export async function followRun(
  name: string,
  run: Run,
  data: DataIdentity,
  enqueuer: Enqueuer,
  reporter: RunsReporter,
  version: string,
  settings: TaskSettings,
  signal: AbortSignal,
): Promise<{ readonly ended: Promise<Ending> }> {
  const task = await taskOf(run, data, enqueuer.store, version, settings);
  let told = 0;
  const job = await enqueuer.submit(
    name,
    task,
    {
      started: (worker, resumed) => {
        reporter.runStarted(run, enqueuer.nameOf(worker), resumed);
      },
      rows: rows => {
        for (const row of rows.slice(told)) reporter.epoch(run, row);
        told = Math.max(told, rows.length);
      },
      returned: (why = LOST) => {
        reporter.note(`${run.title} is back in the queue: ${why}`);
      },
    },
    () => RunFolder.isBegun(run.path),
  );
  // It may have been enqueued just after the others were taken back.
  if (signal.aborted) await job.withdraw();
  const end = async (): Promise<Ending> => {
    const ending = await job.ended;
    if (ending.outcome === 'complete') {
      for (const row of ending.rows.slice(told)) reporter.epoch(run, row);
      await adoptRun(run, true);
    }
    if (ending.outcome !== 'left' && ending.outcome !== 'withdrawn') await enqueuer.forget(name, job);
    reporter.runEnded(run, ending.outcome, ending.outcome === 'failed' ? ending.error : undefined);
    return ending;
  };
  return { ended: end() };
}
