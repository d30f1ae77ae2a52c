import { SingleBar } from 'cli-progress';
import type { EpochRow, Reporter, RunStart, StepProgress, TrainSummary } from '../../train/types.js';
import { endLines, epochLine, epochTable, startLines } from './epochs.js';
import { duration, loss, percent, rate } from './format.js';

interface BarPayload {
  progress: StepProgress;
}

/**
 * For somebody who watches: a bar on standard error while an epoch runs, replaced on standard output by the epoch's row
 * of the table, so that the table grows above the bar.
 */
export class TerminalReporter implements Reporter {
  #bar: SingleBar | undefined;
  #last: StepProgress | undefined;

  /** `history`: rows of the epochs before this sitting. */
  constructor(private readonly history: readonly EpochRow[]) {}

  start(info: RunStart): void {
    const table = epochTable(this.history.slice(0, info.resumedFrom ?? 0));
    print([...startLines(info), '', ...table]);
  }

  step(progress: StepProgress): void {
    this.#last = progress;
    if (this.#bar) this.#bar.update(progress.step, { progress } satisfies BarPayload);
    else this.#show(progress);
  }

  epoch(row: EpochRow, best: boolean): void {
    this.#hide();
    this.#last = undefined;
    print([epochLine(row, best)]);
  }

  saved(): void {
    // Each epoch saves; the table says enough.
  }

  end(summary: TrainSummary): void {
    this.#hide();
    print(['', ...endLines(summary)]);
  }

  note(text: string): void {
    this.#hide();
    // The terminal may have written ^C onto this line.
    process.stderr.write(`\r\x1b[K${text}\n`);
    if (this.#last) this.#show(this.#last);
  }

  /** Takes the bar away, also when training ends by a fault. */
  dispose(): void {
    this.#hide();
  }

  #show(progress: StepProgress): void {
    this.#bar = new SingleBar({
      format: (_options, { maxWidth }, { progress }: BarPayload) => barLine(progress, maxWidth),
      stream: process.stderr,
      clearOnComplete: true,
      gracefulExit: false,
      // The line always fits; switching wrapping off would outlive a killed process.
      linewrap: true,
    });
    this.#bar.start(progress.steps, progress.step, { progress } satisfies BarPayload);
  }

  #hide(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** One line, shorter than `width`, that does not jump about as its numbers change. */
export function barLine(progress: StepProgress, width: number): string {
  const { epoch, epochs, step, steps } = progress;
  const done = steps > 0 ? step / steps : 1;
  const before = `${String(epoch).padStart(String(epochs).length)}/${epochs} `;
  const after = [
    step < steps ? `${Math.floor(100 * done)} %`.padStart(5) : 'validating',
    `loss ${loss(progress.loss)}`,
    `acc ${percent(progress.accuracy).padStart(7)}`,
    `${rate(progress.imagesPerSecond)} img/s`,
    `${duration(progress.secondsLeft)} left`,
  ].join('  ');
  const room = Math.min(40, width - 2 - before.length - after.length);
  const filled = Math.round(done * Math.max(0, room));
  const bar = room < 4 ? '' : `${'█'.repeat(filled)}${'░'.repeat(room - filled)} `;
  return `${before}${bar}${after}`.slice(0, width - 1);
}

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}
