import type { EpochRow, Reporter, RunStart, StepProgress, TrainSummary } from '../../train/types.js';

const SECONDS_BETWEEN_STEPS = 1;

/**
 * For programs: one JSON object a line on standard output, each with `event` — `start`, `step` (at most one a second),
 * `epoch`, `saved`, and last `summary` with the fields of `summary.json`. Notes go to standard error.
 */
export class JsonReporter implements Reporter {
  #lastStep = -Infinity;

  start(info: RunStart): void {
    this.#write('start', info);
  }

  step(progress: StepProgress): void {
    if (performance.now() - this.#lastStep < 1000 * SECONDS_BETWEEN_STEPS) return;
    this.#lastStep = performance.now();
    this.#write('step', progress);
  }

  epoch(row: EpochRow, best: boolean): void {
    this.#write('epoch', { ...row, best });
  }

  saved(file: string): void {
    this.#write('saved', { file });
  }

  end(summary: TrainSummary): void {
    this.#write('summary', summary);
  }

  note(text: string): void {
    console.error(text);
  }

  dispose(): void {
    // Nothing is open.
  }

  #write(event: string, content: object): void {
    console.log(JSON.stringify({ event, ...content }));
  }
}
