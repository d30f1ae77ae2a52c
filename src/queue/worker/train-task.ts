import { openDevice } from '../../gpu/node.js';
import { evaluateMember } from '../../evaluate/experiments/index.js';
import type { Lease } from '../../train/lease.js';
import { recipeText } from '../../train/recipes/index.js';
import { requireSameData } from '../../train/resumed-options.js';
import { RunFolder } from '../../train/run.js';
import { isFinished, requireSameOptions } from '../../train/series/index.js';
import { withoutTest } from '../../train/study/run-trial.js';
import { trainRun } from '../../train/train-run.js';
import type { EpochRow, StepProgress } from '../../train/types.js';
import { withoutPaths } from '../places.js';
import type { Outcome, Task } from '../protocol.js';
import type { LocalTask } from './data-shelf.js';

export interface TaskContext {
  /** The run's folder on this machine. */
  readonly path: string;
  readonly lease: Lease;
  /** Aborted: the run is saved where the lease is still there, and left. */
  readonly signal: AbortSignal;
  readonly version: string;
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  readonly openDevice: typeof openDevice;
  readonly onStart: (resumed: boolean) => void;
  readonly onStep: (progress: StepProgress) => void;
  readonly onEpoch: (row: EpochRow) => void;
  /** The run's folder has come to hold more epochs, those of earlier workers too: `read` gives all of them. */
  readonly onRows: (read: () => Promise<EpochRow[]>) => void;
  /** The run has saved its state. */
  readonly onSaved: () => void;
  readonly onNote: (text: string) => void;
}

/**
 * Trains the run of a job, or goes on with it where its folder holds it, on this machine. Undefined where it was interrupted.
 * @throws {LeaseLost} where the job has come to be another worker's; nothing is saved then
 */
export async function trainTask(
  task: Task,
  { data: whole, options }: LocalTask,
  context: TaskContext,
): Promise<Extract<Outcome, { outcome: 'complete' }> | undefined> {
  const { path, lease, signal, version, adapter, backend } = context;
  const data = task.test ? whole : withoutTest(whole);
  const resume = await RunFolder.isBegun(path);
  // A run that was killed before it wrote its config begins again.
  const run = resume
    ? await RunFolder.open(path, { lease })
    : await RunFolder.create(path, { force: true, recipe: recipeText(options, task), lease });
  if (resume) {
    const { config } = run;
    requireSameOptions({ ...config, options: withoutPaths(config.options) }, withoutPaths(options), path);
    requireSameData(config, data.fingerprint, options.data);
  }
  context.onStart(resume);
  const before = resume ? (await run.past()).summary : undefined;
  if (!before || !isFinished(before, options.epochs)) {
    const { autotune, tensorboard } = task;
    const tell = () => {
      context.onRows(() => run.readMetrics());
    };
    const nothing = () => undefined;
    const summary = await trainRun(data, options, {
      ...{ run, resume, signal, version, adapter, backend, autotune, tensorboard },
      openDevice: context.openDevice,
      reporter: {
        ...{ end: nothing, step: context.onStep, saved: context.onSaved, note: context.onNote },
        start: ({ resumedFrom = 0 }) => {
          if (resumedFrom > 0) tell();
        },
        epoch: row => {
          context.onEpoch(row);
          tell();
        },
      },
    });
    if (summary.interrupted) return undefined;
  }
  return {
    outcome: 'complete',
    rows: await run.readMetrics(),
    ...(task.evaluate ? { evaluation: await evaluateMember({ path, options }, data, { adapter, backend }) } : {}),
  };
}
