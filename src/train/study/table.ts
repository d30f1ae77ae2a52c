import { csvLine } from '../../data/csv-line.js';
import type { Choice, TrialState } from '../../interop/optuna-journal.js';
import type { JournalStudy, JournalTrial } from '../../interop/optuna-replay.js';
import { errorOf, runFolderOf, valuesOf } from './study.js';

/** A trial as tables and programs get it. */
export interface TrialRow {
  readonly number: number;
  readonly state: TrialState;
  /** What the study looks at. */
  readonly value?: number;
  /** Epochs that were told. */
  readonly epochs: number;
  /** From its start to its end, times when nobody ran it included. */
  readonly seconds?: number;
  readonly values: Readonly<Record<string, Choice>>;
  /** The run's folder, seen from the journal's. */
  readonly run?: string;
  readonly error?: string;
}

export function trialRow(trial: JournalTrial): TrialRow {
  const { number, state, value, intermediate, started, completed } = trial;
  const [run, error] = [runFolderOf(trial), errorOf(trial)];
  return {
    ...{ number, state, epochs: intermediate.size },
    ...(value === undefined ? {} : { value }),
    ...(started && completed ? { seconds: (Date.parse(completed) - Date.parse(started)) / 1000 } : {}),
    values: Object.fromEntries(valuesOf(trial)),
    ...(run === undefined ? {} : { run }),
    ...(error === undefined ? {} : { error }),
  };
}

/** All trials of a study as CSV. */
export function trialsCsv({ trials }: JournalStudy): string {
  const rows = trials.map(trialRow);
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const head = ['number', 'state', 'value', 'epochs', 'seconds', ...names, 'run', 'error'];
  const cell = (value: Choice | undefined) => (value === undefined ? '' : String(value));
  const lines = rows.map(({ number, state, value, epochs, seconds, values, run, error }) => [
    ...[number, state, value, epochs, seconds].map(cell),
    ...names.map(name => cell(values[name])),
    ...[run, error].map(cell),
  ]);
  return [head, ...lines].map(csvLine).join('');
}
