import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { titleOf, type DataSet } from '../../data/dataset.js';
import { openDevice } from '../../gpu/node.js';
import type { JournalTrial } from '../../interop/optuna-replay.js';
import { UserError } from '../../util/errors.js';
import { kindOf } from '../files.js';
import { dataKey } from '../load-options.js';
import { isMachineFault } from '../machine-fault.js';
import type { EpochRow, StepProgress, TrainOptions } from '../types.js';
import { isTaken } from '../run-lock.js';
import { searchesData } from './definition.js';
import { runTrial } from './run-trial.js';
import { runFolderOf, type Study } from './study.js';

export interface StudyReporter {
  /** `worker`: who runs it, where that is not this process. */
  trialStarted(trial: JournalTrial, resumed: boolean, epochs: number, worker?: string): void;
  step(trial: JournalTrial, progress: StepProgress): void;
  epoch(trial: JournalTrial, row: EpochRow): void;
  /** The trial as the journal has it now: complete, pruned, failed, or waiting where it was interrupted. */
  trialEnded(trial: JournalTrial): void;
  note(text: string): void;
}

export interface StudyContext {
  /** Trials' run folders go in here. */
  readonly out: string;
  readonly reporter: StudyReporter;
  readonly signal: AbortSignal;
  readonly version: string;
  readonly data?: string | undefined;
  readonly loadData: (options: TrainOptions) => Promise<DataSet>;
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  readonly takeOver?: boolean | undefined;
}

/** A study whose trials fail one after the other will not get better. */
export const FAILURES_IN_A_ROW = 3;

/**
 * Runs trials of a study until it has all of them, or the signal is aborted. A trial that fails, because its loss was not
 * finite or its values do not go together, is marked so and the study goes on; what any other trial would have met too ends the
 * sitting, and leaves the trial for the next.
 */
export async function runStudy(study: Study, context: StudyContext): Promise<void> {
  const { out, reporter, signal, takeOver = false } = context;
  if (study.isNew) await requireNoTrials(out);
  const { folderOf, pathOf } = trialFolders(study, out);
  /** What any trial would have met: no data, no adapter. */
  let hindrance: unknown;
  const needed =
    <A extends unknown[], T>(work: (...given: A) => Promise<T>) =>
    (...given: A) =>
      work(...given).catch((error: unknown) => {
        hindrance = error;
        throw error;
      });
  const ownData = searchesData(study.definition);
  const loader = dataLoader(study, context.loadData, ownData);
  const loadData = ownData ? loader : needed(loader);
  const stopped = () => signal.aborted;
  let failures = 0;
  while (!stopped()) {
    const asked = await study.ask(folderOf, { takeOver });
    if (!asked) return;
    const { trial, resumed } = asked;
    const folder = pathOf(trial);
    try {
      await runTrial(study, trial, {
        ...context,
        loadData,
        openDevice: needed(openDevice),
        folder,
        onStart: epochs => {
          reporter.trialStarted(trial, resumed, epochs);
        },
        onStep: progress => {
          reporter.step(trial, progress);
        },
        onEpoch: row => {
          reporter.epoch(trial, row);
        },
        onNote: text => {
          reporter.note(text);
        },
      });
      failures = 0;
    } catch (error) {
      if (stopped() || error === hindrance || isMachineFault(error) || (await isTaken(folder))) {
        // Not the trial's fault: whoever goes on with the study goes on with it.
        await study.release(trial).catch(() => undefined);
        throw error;
      }
      await study.fail(trial, (error as Error).message);
      if (++failures === FAILURES_IN_A_ROW) throw error;
    } finally {
      reporter.trialEnded(study.trials[trial.number] ?? trial);
    }
  }
}

export function trialFolder(number: number): string {
  return `trial-${String(number).padStart(4, '0')}`;
}

/** Where the runs of a study's trials lie, new ones in `out`. */
export function trialFolders(study: Study, out: string) {
  const home = dirname(resolve(study.journal.path));
  /** As the journal calls the folder of a new trial. */
  const folderOf = (number: number) =>
    relative(home, join(resolve(out), trialFolder(number)))
      .split(sep)
      .join('/');
  const pathOf = (trial: JournalTrial) => resolve(home, runFolderOf(trial) ?? folderOf(trial.number));
  return { folderOf, pathOf };
}

/** @throws {UserError} where a new study would meet the trials of another one */
export async function requireNoTrials(out: string): Promise<void> {
  if ((await kindOf(out)) !== 'folder') return;
  const found = (await readdir(out)).find(name => /^trial-\d{4,}$/.test(name));
  if (found === undefined) return;
  throw new UserError(
    `--out ${out} holds trials of another study (${found}): choose another folder, or give that study's --storage and name`,
  );
}

/** Trials mostly share their data, which are loaded once. */
function dataLoader(study: Study, load: StudyContext['loadData'], ownData: boolean): StudyContext['loadData'] {
  let loaded: { key: string; data: DataSet } | undefined;
  return async options => {
    const key = dataKey(options);
    if (loaded?.key !== key) loaded = { key, data: await load(options) };
    if (!ownData) await study.requireData(titleOf(loaded.data), loaded.data.fingerprint);
    return loaded.data;
  };
}
