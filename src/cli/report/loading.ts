import { SingleBar } from 'cli-progress';
import type { ImageCount } from '../../data/options.js';
import { duration, rate, whole } from './format.js';
import { isWatched } from './watched.js';

const SECONDS_BETWEEN_LINES = 10;
/** Before that, a rate says little and a time left less. */
const SECONDS_BEFORE_RATE = 0.5;
/** Room that most numbers need, so that the bar keeps its length as they appear: `  45 %  12,345/12,345 images  …`. */
const NUMBERS_WIDTH = 52;

/** What is known of a data set that is being loaded. */
export interface LoadProgress {
  readonly text: string;
  /** From 0 to 1. */
  readonly fraction: number;
  readonly images?: ImageCount | undefined;
  /** Since what `text` says began; undefined at first, and where no images are counted. */
  readonly imagesPerSecond?: number | undefined;
  /** Until what `text` says is done; undefined at first. */
  readonly secondsLeft?: number | undefined;
}

/** Tells somebody how far a load is, on standard error. */
export interface LoadReporter {
  progress(text: string, fraction: number, images?: ImageCount): void;
  /** A line that stays. */
  note(text: string): void;
  dispose(): void;
}

/** A live bar where somebody watches a terminal, a line now and then elsewhere. */
export function chooseLoadReporter(): LoadReporter {
  return isWatched() ? new LoadingBar() : new LoadingLines();
}

/** Measures how fast a load goes: the mean over what is being done, which begins anew where its text changes. */
export class Pace {
  #first:
    { readonly text: string; readonly fraction: number; readonly done: number; readonly time: number } | undefined;

  /** @param now milliseconds */
  measure(text: string, fraction: number, images?: ImageCount, now = performance.now()): LoadProgress {
    if (this.#first?.text !== text) this.#first = { text, fraction, done: images?.done ?? 0, time: now };
    const { fraction: begun, done, time } = this.#first;
    const seconds = (now - time) / 1000;
    if (seconds < SECONDS_BEFORE_RATE || fraction <= begun) return { text, fraction, images };
    return {
      ...{ text, fraction, images },
      imagesPerSecond: images && (images.done - done) / seconds,
      secondsLeft: ((1 - fraction) / (fraction - begun)) * seconds,
    };
  }
}

/** For somebody who watches: a bar that goes when all is done. */
export class LoadingBar implements LoadReporter {
  readonly #pace = new Pace();
  #bar: SingleBar | undefined;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  progress(text: string, fraction: number, images?: ImageCount): void {
    const progress = this.#pace.measure(text, fraction, images);
    if (this.#bar) this.#bar.update(fraction, { progress });
    else this.#show(progress);
  }

  note(text: string): void {
    // The next progress draws it again below.
    this.dispose();
    this.stream.write(`${text}\n`);
  }

  dispose(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #show(progress: LoadProgress): void {
    this.#bar = new SingleBar({
      format: (_options, { maxWidth }, { progress }: { progress: LoadProgress }) => loadingLine(progress, maxWidth),
      stream: this.stream,
      clearOnComplete: true,
      gracefulExit: false,
      // The line always fits; switching wrapping off would outlive a killed process.
      linewrap: true,
    });
    this.#bar.start(1, progress.fraction, { progress });
  }
}

/** For logs: nothing where a load is quick, else a line every ten seconds. */
export class LoadingLines implements LoadReporter {
  readonly #pace = new Pace();
  #lastLine = performance.now();

  progress(text: string, fraction: number, images?: ImageCount): void {
    const progress = this.#pace.measure(text, fraction, images);
    if (fraction >= 1 || performance.now() - this.#lastLine < 1000 * SECONDS_BETWEEN_LINES) return;
    this.#lastLine = performance.now();
    const numbers = numbersOf(progress).map(part => part.trim());
    this.note(`${text}: ${numbers.join(', ')}`);
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  dispose(): void {
    // Nothing is open.
  }
}

/** One line, shorter than `width`: what is being done is cut rather than how far it is. */
export function loadingLine(progress: LoadProgress, width: number): string {
  const after = numbersOf(progress).join('  ');
  const room = Math.max(0, width - 2 - after.length);
  const { text, fraction } = progress;
  const name = text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
  const cells = Math.min(30, width - 2 - Math.max(NUMBERS_WIDTH, after.length) - name.length - 1);
  const filled = Math.round(fraction * Math.max(0, cells));
  const bar = cells < 4 ? '' : ` ${'█'.repeat(filled)}${'░'.repeat(cells - filled)}`;
  return `${name}${bar} ${after}`.slice(0, Math.max(0, width - 1));
}

/** How far it is, images done (of how many, where that is known), their rate, and the time left. */
function numbersOf({ fraction, images, imagesPerSecond, secondsLeft }: LoadProgress): string[] {
  const parts = [`${Math.floor(100 * fraction)} %`.padStart(5)];
  if (images) {
    const { done, total } = images;
    parts.push(
      total === undefined
        ? `${whole(done)} images`
        : `${whole(done).padStart(whole(total).length)}/${whole(total)} images`,
    );
  }
  if (imagesPerSecond !== undefined) parts.push(`${rate(imagesPerSecond)} img/s`);
  if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`);
  return parts;
}
