import type { DataSet, Split } from '../../src/data/dataset.js';
import { score, type Predictions } from '../../src/evaluate/evaluate.js';
import { RandomStream } from '../../src/util/random.js';

export const SIDE = 8;

/** Images of noise that differ in brightness and contrast; `seed` tells one split's from another's. */
export function noise(count: number, seed: number): Uint8Array {
  const random = new RandomStream(seed, 1);
  const images = new Uint8Array(count * SIDE * SIDE);
  for (let n = 0; n < count; n++) {
    const base = random.integer(120);
    const spread = 20 + random.integer(100);
    for (let p = 0; p < SIDE * SIDE; p++) images[n * SIDE * SIDE + p] = base + random.integer(spread);
  }
  return images;
}

export function splitOf(labels: readonly number[], seed: number, more: Partial<Split> = {}): Split {
  return { count: labels.length, images: noise(labels.length, seed), labels: Uint8Array.from(labels), ...more };
}

export function dataOf(classes: readonly string[], splits: Partial<DataSet['splits']>): DataSet {
  const empty = splitOf([], 0);
  return {
    ...{ name: 'noise', classes, channels: 1, height: SIDE, width: SIDE, fingerprint: 'f00d' },
    splits: { train: splitOf([0, 1], 9), val: empty, test: empty, ...splits },
  };
}

/** Predictions of given classes, each with probability `confidence(i)` and the rest evenly spread. */
export function predict(
  split: Split,
  predicted: readonly number[],
  classes: number,
  confidence: (i: number) => number,
): Predictions {
  const logits = Float32Array.from({ length: split.count * classes }, (_, at) => {
    const i = Math.floor(at / classes);
    const p = confidence(i);
    return Math.log(at % classes === predicted[i] ? p : (1 - p) / (classes - 1));
  });
  return score(logits, split.labels, classes);
}
