import { describe, expect, it } from 'vitest';
import { epochOrder, gatherBatch, limitSplit, pixelStatistics, type Split } from '../../src/data/dataset.js';
import { RandomStream } from '../../src/util/random.js';

/** `count` images of `imageBytes` random bytes; the label of image i is i modulo 256. */
function randomSplit(count: number, imageBytes: number): Split {
  const random = new RandomStream(7, 1);
  const images = Uint8Array.from({ length: count * imageBytes }, () => random.integer(256));
  return { count, images, labels: Uint8Array.from({ length: count }, (_, i) => i % 256) };
}

function imageOf(split: Split, index: number): number[] {
  const bytes = split.images.length / split.count;
  return [...split.images.subarray(index * bytes, (index + 1) * bytes)];
}

describe('pixelStatistics', () => {
  it.each([1, 3])('agrees with a float64 loop, %i channels', channels => {
    const split = randomSplit(50, 10 * channels);
    const { mean, std } = pixelStatistics(split, channels);
    expect(mean).toHaveLength(channels);
    for (let c = 0; c < channels; c++) {
      const values = [...split.images].filter((_, i) => i % channels === c).map(value => value / 255);
      const expectedMean = values.reduce((a, b) => a + b) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - expectedMean) ** 2, 0) / values.length;
      expect(mean[c]).toBeCloseTo(expectedMean, 12);
      expect(std[c]).toBeCloseTo(Math.sqrt(variance), 12);
    }
  });

  it('gives exactly 0 deviation for a plain image', () => {
    const split: Split = { count: 1, images: new Uint8Array(1000).fill(93), labels: new Uint8Array(1) };
    expect(pixelStatistics(split, 1)).toEqual({ mean: [93 / 255], std: [0] });
  });

  it('refuses an empty split', () => {
    const empty: Split = { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) };
    expect(() => pixelStatistics(empty, 1)).toThrow('without images');
  });
});

describe('limitSplit', () => {
  const split = randomSplit(100, 6);

  it('takes whole images with their labels, no image twice', () => {
    const limited = limitSplit(split, 30, 5);
    expect(limited.count).toBe(30);
    expect(new Set(limited.labels).size).toBe(30);
    for (let i = 0; i < 30; i++) expect(imageOf(limited, i)).toEqual(imageOf(split, limited.labels[i]!));
  });

  it('depends on the seed only, and a larger limit only adds images', () => {
    const labels = (limit: number, seed: number): number[] => [...limitSplit(split, limit, seed).labels];
    expect(labels(30, 5)).toEqual(labels(30, 5));
    expect(labels(30, 5)).not.toEqual(labels(30, 6));
    expect(labels(60, 5).slice(0, 30)).toEqual(labels(30, 5));
    expect(labels(30, 5)).not.toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('leaves a split alone that is small enough', () => {
    expect(limitSplit(split, 100, 5)).toBe(split);
    expect(limitSplit(split, 1000, 5)).toBe(split);
  });

  it.each([0, -1, 1.5, NaN])('refuses a limit of %d', limit => {
    expect(() => limitSplit(split, limit, 5)).toThrow(`limit is ${limit}`);
  });
});

describe('epochOrder', () => {
  it('is a permutation, another one for each epoch and seed, and always the same', () => {
    const order = epochOrder(1000, 1, 3);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(epochOrder(1000, 1, 3)).toEqual(order);
    expect(epochOrder(1000, 1, 4)).not.toEqual(order);
    expect(epochOrder(1000, 2, 3)).not.toEqual(order);
  });
});

describe('gatherBatch', () => {
  it('copies the images and labels of a range of indices, and nothing behind them', () => {
    const split = randomSplit(20, 4);
    const indices = Uint32Array.from([19, 0, 7, 7, 3]);
    const images = new Uint8Array(4 * 4).fill(1);
    const labels = new Uint32Array(4).fill(99);
    gatherBatch(split, indices, 1, 4, 4, images, labels);
    expect([...labels]).toEqual([0, 7, 7, 99]);
    expect([...images]).toEqual([...imageOf(split, 0), ...imageOf(split, 7), ...imageOf(split, 7), 1, 1, 1, 1]);
  });
});
