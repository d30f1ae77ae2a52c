import type { JournalStudy, JournalTrial } from '../../interop/optuna-replay.js';
import type { StudyReporter } from '../../train/study/run-study.js';
import { bestTrial } from '../../train/study/study.js';
import { trialRow, type TrialRow } from '../../train/study/table.js';
import type { EpochRow, StepProgress } from '../../train/types.js';
import { StatusLine } from '../status-line.js';
import { columns, duration, learningRate, loss } from './format.js';

/** What happens to trials, as lines of JSON have it; so do workers tell it to the process that started them. */
export type TrialEvent =
  | {
      readonly event: 'trial-start';
      readonly trial: number;
      readonly resumed: boolean;
      readonly epochs: number;
      /** On another machine, or in another process of this one. */
      readonly worker?: string;
    }
  | ({ readonly event: 'epoch'; readonly trial: number } & EpochRow)
  | ({ readonly event: 'trial' } & TrialRow);

export interface StudyStart {
  readonly name: string;
  readonly journal: string;
  readonly total: number;
  readonly trials: readonly JournalTrial[];
}

export interface StudyEnd {
  readonly total: number;
  readonly interrupted: boolean;
  readonly out: string;
}

/** Shows a study from what is told of its trials, in this process or by others. */
export abstract class StudyEvents implements StudyReporter {
  abstract start(start: StudyStart): void;
  abstract tell(event: TrialEvent): void;
  abstract note(text: string): void;
  abstract end(study: JournalStudy, end: StudyEnd): void;

  trialStarted({ number }: JournalTrial, resumed: boolean, epochs: number, worker?: string): void {
    this.tell({ event: 'trial-start', trial: number, resumed, epochs, ...(worker === undefined ? {} : { worker }) });
  }

  abstract step(trial: JournalTrial, progress: StepProgress): void;

  epoch({ number }: JournalTrial, row: EpochRow): void {
    this.tell({ event: 'epoch', trial: number, ...row });
  }

  trialEnded(trial: JournalTrial): void {
    this.tell({ event: 'trial', ...trialRow(trial) });
  }

  dispose(): void {
    // Nothing is open.
  }
}

export class StudyJsonReporter extends StudyEvents {
  step(): void {
    // Epochs say enough.
  }

  start(): void {
    // The journal says it.
  }

  tell(event: TrialEvent): void {
    console.log(JSON.stringify(event));
  }

  note(text: string): void {
    console.error(text);
  }

  end(study: JournalStudy, { total, interrupted }: StudyEnd): void {
    const best = bestTrial(study);
    const { name, trials } = study;
    const shown = { event: 'study', name, trials: trials.length, total, interrupted };
    console.log(JSON.stringify({ ...shown, ...(best ? { best: trialRow(best) } : {}) }));
  }
}

/** A line for each trial that has ended, on standard output; where somebody watches, a line that tells what runs. */
export class StudyPlainReporter extends StudyEvents {
  readonly #line: Pick<StatusLine, 'update' | 'clear'>;
  readonly #epochs = new Map<number, number>();
  #names: readonly string[] = [];

  /** `line`: what is drawn below, and is cleared before anything else is printed. */
  constructor(line: Pick<StatusLine, 'update' | 'clear'> = new StatusLine()) {
    super();
    this.#line = line;
  }

  start({ name, journal, total, trials }: StudyStart): void {
    const begun = trials.length > 0 ? `, ${trials.length} begun before` : '';
    console.log(`study ${name}: ${total} trials${begun}; journal ${journal}`);
    const rows = trials.map(trialRow).filter(({ state }) => state !== 'running');
    if (rows.length > 0) this.#rows(rows);
  }

  tell(event: TrialEvent): void {
    if (event.event === 'trial-start') {
      this.#epochs.set(event.trial, event.epochs);
      const at = event.worker === undefined ? '' : ` at ${event.worker}`;
      if (event.resumed || at !== '') this.note(`trial ${event.trial} ${event.resumed ? 'goes on' : 'begins'}${at}`);
    } else if (event.event === 'epoch') {
      const epochs = this.#epochs.get(event.trial) ?? event.epoch;
      this.#line.update(
        `trial ${event.trial}, epoch ${event.epoch}/${epochs}: validation loss ${loss(event.valLoss)},`,
        event.epoch / epochs,
      );
    } else {
      this.#line.clear();
      this.#rows([event]);
    }
  }

  step({ number }: JournalTrial, { epoch, epochs, step, steps, loss: mean }: StepProgress): void {
    this.#line.update(
      `trial ${number}, epoch ${epoch}/${epochs}: loss ${loss(mean)},`,
      (epoch - 1 + step / steps) / epochs,
    );
  }

  note(text: string): void {
    this.#line.clear();
    console.error(text);
  }

  end(study: JournalStudy, { total, interrupted, out }: StudyEnd): void {
    this.#line.clear();
    const best = bestTrial(study);
    const { trials } = study;
    const left =
      trials.filter(({ state }) => state === 'waiting' || state === 'running').length + total - trials.length;
    if (best) console.log(`best: trial ${best.number}, ${short(best.value)}: ${valuesText(trialRow(best))}`);
    if (interrupted || left > 0) console.log(`${left} of ${total} trials are left; the same command goes on`);
    else if (best)
      console.log(`\`facegrad tune best ${out}\` writes its recipe, \`facegrad tune report ${out}\` draws the study`);
  }

  override dispose(): void {
    this.#line.clear();
  }

  /** The table grows line by line: the head comes with the first, and names the fields. */
  #rows(rows: readonly TrialRow[]): void {
    if (this.#names.length === 0) {
      this.#names = Object.keys(rows[0]!.values);
      console.log(trialCells(HEAD, this.#names));
    }
    for (const row of rows)
      console.log(
        trialCells(
          cellsOf(row),
          this.#names.map(name => valueText(row.values[name])),
          row,
        ),
      );
  }
}

const HEAD = ['trial', 'state', 'value', 'epochs', 'time'];
const WIDTHS = [5, 8, 10, 6, 7];
const VALUE_WIDTH = 11;

function cellsOf({ number, state, value, epochs, seconds }: TrialRow): string[] {
  return [String(number), state, short(value), String(epochs), seconds === undefined ? '' : duration(seconds)];
}

function trialCells(cells: readonly string[], values: readonly string[], { error }: { error?: string } = {}): string {
  const first = cells.map((cell, i) => cell.padStart(WIDTHS[i]!));
  const line = [...first, ...values.map(value => value.padStart(VALUE_WIDTH))].join('  ');
  return error === undefined ? line : `${line}\n       ${error}`;
}

/** All trials of a study. */
export function trialTable(rows: readonly TrialRow[]): string[] {
  const names = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const lines = rows.map(row => [...cellsOf(row), ...names.map(name => valueText(row.values[name]))]);
  return columns([[...HEAD, ...names], ...lines], 'rlr');
}

export function valuesText({ values }: TrialRow): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${valueText(value)}`)
    .join(', ');
}

function valueText(value: TrialRow['values'][string] | undefined): string {
  if (value === undefined) return '';
  return typeof value !== 'number' || Number.isInteger(value) ? String(value) : learningRate(value);
}

function short(value: number | undefined): string {
  return value === undefined ? '' : value.toPrecision(5);
}
