import { describe, expect, it } from 'vitest';
import { drawSplits, drawValidation, limitClasses } from '../../../src/data/labels/split.js';
import { otherDataSetWith } from '../../../src/data/labels/known.js';
import type { LabelledImage } from '../../../src/data/labels/image.js';

/** `counts[k]` images of class k, mixed. */
function labelled(...counts: number[]): LabelledImage[] {
  const labels = counts.flatMap((count, label) => new Array<number>(count).fill(label));
  return labels.map((label, i) => ({ slot: i, label })).sort((a, b) => ((a.slot * 7) % 11) - ((b.slot * 7) % 11));
}

function counts(images: readonly LabelledImage[], split: string, classes = 3): number[] {
  return Array.from(
    { length: classes },
    (_, label) => images.filter(image => image.split === split && image.label === label).length,
  );
}

describe('drawSplits', () => {
  const images = labelled(100, 50, 5);

  it('gives each split its share of every class', () => {
    const drawn = drawSplits(images, [64, 16, 20], 0);
    expect(counts(drawn, 'train')).toEqual([64, 32, 3]);
    expect(counts(drawn, 'val')).toEqual([16, 8, 1]);
    expect(counts(drawn, 'test')).toEqual([20, 10, 1]);
    expect(drawn.map(({ slot }) => slot)).toEqual(images.map(({ slot }) => slot));
  });

  it('depends on the seed and on nothing else', () => {
    const splits = (seed: number) => drawSplits(images, [64, 16, 20], seed).map(({ split }) => split);
    expect(splits(3)).toEqual(splits(3));
    expect(splits(3)).not.toEqual(splits(4));
  });

  it('takes shares of any sum', () => {
    const drawn = drawSplits(images, [1, 0, 1], 0);
    expect([counts(drawn, 'train'), counts(drawn, 'val'), counts(drawn, 'test')]).toEqual([
      [50, 25, 3],
      [0, 0, 0],
      [50, 25, 2],
    ]);
  });
});

describe('drawValidation', () => {
  it('takes a share of the training images, and no test image', () => {
    const placed = labelled(40, 20).map(
      image => ({ ...image, split: image.slot % 4 === 0 ? 'test' : 'train' }) as const,
    );
    const test = placed.filter(({ split }) => split === 'test').map(({ slot }) => slot);
    const drawn = drawValidation(placed, 0.2, 1);
    expect(counts(drawn, 'val', 2)).toEqual([6, 3]);
    expect(counts(drawn, 'train', 2)).toEqual([24, 12]);
    expect(drawn.filter(({ split }) => split === 'test').map(({ slot }) => slot)).toEqual(test);
  });
});

describe('limitClasses', () => {
  it('limits each class, or each class of each split; more only adds', () => {
    const images = labelled(30, 4);
    const limited = limitClasses(images, 10, 0);
    expect(limited.filter(({ label }) => label === 0)).toHaveLength(10);
    expect(limited.filter(({ label }) => label === 1)).toHaveLength(4);
    const slots = new Set(limitClasses(images, 20, 0).map(({ slot }) => slot));
    expect(limited.every(({ slot }) => slots.has(slot))).toBe(true);
    const placed = drawSplits(labelled(40, 40), [1, 0, 1], 0);
    expect(counts(limitClasses(placed, 5, 0), 'train', 2)).toEqual([5, 5]);
    expect(counts(limitClasses(placed, 5, 0), 'test', 2)).toEqual([5, 5]);
  });
});

describe('otherDataSetWith', () => {
  it('finds a published data set by its counts, in any order, unless it is read as that', () => {
    const counts = [4965, 3995, 436, 4097, 7215, 4830, 3171];
    expect(otherDataSetWith(counts, 'image-folder')).toEqual({
      name: 'FER-2013',
      part: 'its training split',
      format: 'fer2013',
    });
    expect(otherDataSetWith(counts, 'fer2013-folders')).toBeUndefined();
    expect(otherDataSetWith([1290, 281, 717, 4772, 1982, 705, 2524], 'affectnet')?.name).toBe('RAF-DB');
    expect(otherDataSetWith([1290, 281, 717, 4772, 1982, 705, 2525], 'affectnet')).toBeUndefined();
  });
});
