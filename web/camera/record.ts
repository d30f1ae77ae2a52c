import { csvLine } from '../../src/data/csv-line.js';
import type { Box } from '../../src/faces/box.js';
import type { ModelInfo } from '../../src/serve/api.js';

/** What a face looked like at one time. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly network: Pick<ModelInfo, 'name' | 'classes'>;
  readonly face: number;
  readonly box: Box;
  /** In the order of the network's classes, smoothed as they were shown. */
  readonly probabilities: readonly number[];
}

/** Milliseconds between samples: more would show nothing. */
const EVERY = 100;
/** Samples that are kept, the latest: an hour of one face. */
const MOST = 36_000;
/** Digits of a probability behind the point, as `facegrad predict` writes them. */
const DIGITS = 6;

/** The expressions of a video over time. */
export class TimeRecord {
  #samples: Sample[] = [];
  #last = -Infinity;

  get length(): number {
    return this.#samples.length;
  }

  /** Takes samples of one moment, unless the last were taken just before. */
  add(samples: readonly Sample[]): void {
    const [first] = samples;
    if (!first || first.time - this.#last < EVERY) return;
    this.#last = first.time;
    this.#samples.push(...samples);
    // Cut now and then rather than each time.
    if (this.#samples.length > 1.1 * MOST) this.#samples = this.#samples.slice(-MOST);
  }

  /** The samples of a face, by a network of these classes, since a time. */
  since(time: number, face: number, classes: readonly string[]): Sample[] {
    const start = this.#samples.findLastIndex(sample => sample.time < time) + 1;
    return this.#samples.slice(start).filter(sample => sample.face === face && sample.network.classes === classes);
  }

  /** A table: a row for each sample, a column for each class of any of the networks that were asked. */
  csv(): string {
    const classes = [...new Set(this.#samples.flatMap(({ network }) => network.classes))];
    const head = ['time', 'seconds', 'model', 'face', 'x', 'y', 'width', 'height', 'top', ...classes];
    const begin = this.#samples[0]?.time ?? 0;
    const rows = this.#samples.map(({ time, network, face, box, probabilities }) => {
      const top = probabilities.reduce((best, p, k) => (p > probabilities[best]! ? k : best), 0);
      const answers = new Map(network.classes.map((name, k) => [name, probabilities[k]!]));
      return csvLine([
        ...[new Date(time).toISOString(), ((time - begin) / 1000).toFixed(3), network.name],
        ...[face, box.x, box.y, box.width, box.height].map(String),
        network.classes[top]!,
        ...classes.map(name => (answers.has(name) ? String(Number(answers.get(name)!.toFixed(DIGITS))) : '')),
      ]);
    });
    return csvLine(head) + rows.join('');
  }

  clear(): void {
    this.#samples = [];
    this.#last = -Infinity;
  }
}
