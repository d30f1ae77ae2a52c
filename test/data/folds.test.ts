import { describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../src/data/dataset.js';
import { foldSplits, foldWarning } from '../../src/data/folds.js';
import { RandomStream } from '../../src/util/random.js';

const K = 3;

/** Images of one pixel, each of another value; class 0 is the rarest. */
function split(from: number, count: number): Split {
  const labels = Uint8Array.from({ length: count }, (_, i) => (i < 2 ? 0 : 1 + (i % 2)));
  const random = new RandomStream(from, 7);
  return {
    count,
    images: Uint8Array.from({ length: count }, (_, i) => from + i),
    labels,
    targets: Float32Array.from({ length: K * count }, () => random.uniform()),
    names: Array.from({ length: count }, (_, i) => `image ${from + i}`),
  };
}

const data: DataSet = {
  ...{ name: 'pixels', classes: ['a', 'b', 'c'], channels: 1, height: 1, width: 1, fingerprint: 'whole' },
  splits: { train: split(0, 40), val: split(40, 12), test: split(100, 5) },
};
const folds = [1, 2, 3, 4, 5].map(index => foldSplits(data, { index, of: 5 }, 3));
const counts = ({ labels }: Split) => data.classes.map((_, k) => labels.filter(label => label === k).length);

describe('foldSplits', () => {
  it('holds each training and validation image for validation once, and leaves the test split alone', () => {
    const held = folds.flatMap(({ splits }) => [...splits.val.images]);
    expect(held.sort((a, b) => a - b)).toEqual(Array.from({ length: 52 }, (_, i) => i));
    for (const { splits } of folds) {
      expect([...splits.train.images, ...splits.val.images].sort((a, b) => a - b)).toEqual(held);
      expect(splits.test).toBe(data.splits.test);
    }
  });

  it('is stratified: sizes and classes differ by one image at most', () => {
    for (const numbers of [
      folds.map(({ splits }) => splits.val.count),
      ...[0, 1, 2].map(k => folds.map(({ splits }) => counts(splits.val)[k]!)),
    ]) {
      expect(Math.max(...numbers) - Math.min(...numbers)).toBeLessThanOrEqual(1);
    }
  });

  it('keeps what belongs to an image with it', () => {
    const { train, val } = folds[1]!.splits;
    for (const { images, labels, names, targets } of [train, val]) {
      images.forEach((pixel, i) => {
        const source = pixel < 40 ? data.splits.train : data.splits.val;
        const at = pixel < 40 ? pixel : pixel - 40;
        expect(names![i]).toBe(`image ${pixel}`);
        expect(labels[i]).toBe(source.labels[at]);
        expect(targets!.subarray(K * i, K * i + K)).toEqual(source.targets!.subarray(K * at, K * at + K));
      });
    }
  });

  it('depends on the seed, and has a fingerprint and a labelling of its own', () => {
    expect(foldSplits(data, { index: 1, of: 5 }, 3).fingerprint).toBe(folds[0]!.fingerprint);
    const other = foldSplits(data, { index: 1, of: 5 }, 4);
    expect([...other.splits.val.images]).not.toEqual([...folds[0]!.splits.val.images]);
    expect(new Set([...folds, other, data].map(({ fingerprint }) => fingerprint)).size).toBe(7);
    expect(folds[1]!.labelling).toBe('fold 2 of 5 is validation, drawn with seed 3');
  });

  it('wants an image for each fold', () => {
    expect(() => foldSplits(data, { index: 1, of: 60 })).toThrow('too few for 60 folds');
  });

  it('names classes that cannot be in every fold', () => {
    expect(foldWarning(data, 5)).toContain('a: fewer images than the 5 folds');
    expect(foldWarning(data, 4)).toBeUndefined();
  });
});
