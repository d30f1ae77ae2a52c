import type { EpochRow, Reporter, RunStart, StepProgress } from '../../train/types.js';
import { StatusLine } from '../status-line.js';
import { duration, percent, rate, whole } from './format.js';

/** For a run among many: a line an epoch on standard error, and where somebody watches, how far the epoch is. */
export class BriefReporter implements Reporter {
  readonly #status = new StatusLine();
  #epochs = 0;

  start({ model, parameters, options, resumedFrom }: RunStart): void {
    this.#epochs = options.epochs;
    const resumed = resumedFrom === undefined ? '' : `, resumed after epoch ${resumedFrom}`;
    this.note(`  ${model}, ${whole(parameters)} parameters${resumed}`);
  }

  step({ epoch, epochs, step, steps }: StepProgress): void {
    this.#status.update(`  epoch ${epoch}/${epochs}`, step / steps);
  }

  epoch(row: EpochRow, best: boolean): void {
    this.note(
      `  epoch ${row.epoch}/${this.#epochs}: validation accuracy ${percent(row.valAccuracy)}${best ? ' (best)' : ''}, ` +
        `${rate(row.imagesPerSecond)} images/s, ${duration(row.seconds)}`,
    );
  }

  saved(): void {
    // Each epoch saves; its line says enough.
  }

  end(): void {
    // The table that follows says it.
  }

  note(text: string): void {
    this.#status.clear();
    console.error(text);
  }

  dispose(): void {
    this.#status.clear();
  }
}
