import type { EpochRow, Reporter, RunStart, StepProgress, TrainSummary } from '../../train/types.js';
import { endLines, epochTable, startLines } from './epochs.js';
import { duration, loss, percent, rate } from './format.js';

const SECONDS_BETWEEN_LINES = 10;

/** For logs: lines that make sense one by one, on standard output; the epoch table follows at the end. */
export class PlainReporter implements Reporter {
  readonly #rows: EpochRow[];
  #epochs = 0;
  #lastLine = performance.now();

  /** `history`: rows of the epochs before this sitting. */
  constructor(history: readonly EpochRow[]) {
    this.#rows = [...history];
  }

  start(info: RunStart): void {
    this.#rows.length = Math.min(this.#rows.length, info.resumedFrom ?? 0);
    this.#epochs = info.options.epochs;
    print(startLines(info));
  }

  step(progress: StepProgress): void {
    if (performance.now() - this.#lastLine < 1000 * SECONDS_BETWEEN_LINES) return;
    const { epoch, epochs, step, steps } = progress;
    print([
      `epoch ${epoch}/${epochs}, step ${step}/${steps}: loss ${loss(progress.loss)}, ` +
        `accuracy ${percent(progress.accuracy)}, ${rate(progress.imagesPerSecond)} images/s, ` +
        `${duration(progress.secondsLeft)} left`,
    ]);
    this.#lastLine = performance.now();
  }

  epoch(row: EpochRow, best: boolean): void {
    this.#rows.push(row);
    print([
      `epoch ${row.epoch}/${this.#epochs} done in ${duration(row.seconds)}: ` +
        `train loss ${loss(row.trainLoss)}, accuracy ${percent(row.trainAccuracy)}; ` +
        `validation loss ${loss(row.valLoss)}, accuracy ${percent(row.valAccuracy)}${best ? ' (best)' : ''}`,
    ]);
    this.#lastLine = performance.now();
  }

  saved(): void {
    // Each epoch saves; its line says enough.
  }

  end(summary: TrainSummary): void {
    const table = this.#rows.length > 0 ? ['', ...epochTable(this.#rows), ''] : [];
    print([...table, ...endLines(summary)]);
  }

  note(text: string): void {
    console.error(text);
  }

  dispose(): void {
    // Nothing is open.
  }
}

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}
