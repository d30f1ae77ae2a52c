import { describe, expect, it } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import { averageFaces, countLabels, dataStatistics } from '../../src/data/stats.js';
import { dataWarnings } from '../../src/data/warnings.js';
import { dataSet, picture, PIXELS } from './audit/pictures.js';

/** Two pixels of two channels: every value is to be seen at once. */
const tiny: DataSet = {
  ...{ name: 'tiny', classes: ['a', 'b', 'c'], channels: 2, height: 1, width: 2, fingerprint: '' },
  splits: {
    train: {
      count: 3,
      images: Uint8Array.of(0, 10, 100, 30, 255, 50, 255, 70, 5, 0, 4, 2),
      labels: Uint8Array.of(0, 1, 0),
    },
    val: { count: 1, images: Uint8Array.of(255, 90, 255, 110), labels: Uint8Array.of(1) },
    test: { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) },
  },
};

describe('dataStatistics', () => {
  const statistics = dataStatistics(tiny);

  it('counts the images of each split by class', () => {
    expect(statistics.counts).toEqual({ train: [2, 1, 0], val: [0, 1, 0], test: [0, 0, 0] });
  });

  it('measures pixels per channel, overall and by class', () => {
    // First channel: 0, 100, 5, 4 of a; four times 255 of b.
    expect(statistics.classPixels[1]!.mean[0]).toBe(1);
    expect(statistics.classPixels[1]!.std[0]).toBe(0);
    expect(statistics.classPixels[1]!.mean[1]).toBeCloseTo(80 / 255, 12);
    expect(statistics.classPixels[1]!.std[1]).toBeCloseTo(Math.sqrt(500) / 255, 12);
    expect(statistics.pixels.mean[0]).toBeCloseTo((109 + 4 * 255) / 8 / 255, 12);
    expect(statistics.classPixels[2]!.mean).toEqual([NaN, NaN]);
  });

  it('counts every value', () => {
    expect(statistics.histograms[0]![255]).toBe(4);
    expect(statistics.histograms[1]![50]).toBe(1);
    expect(statistics.histograms.map(histogram => histogram.reduce((sum, times) => sum + times))).toEqual([8, 8]);
  });
});

describe('averageFaces', () => {
  it('are the rounded means of each class; a class without images has none', () => {
    const faces = averageFaces(tiny, 'train');
    expect(faces).toEqual([Uint8Array.of(3, 5, 52, 16), Uint8Array.of(255, 50, 255, 70), undefined]);
  });
});

describe('countLabels', () => {
  it('counts classes that do not occur too', () => {
    expect(countLabels(Uint8Array.of(2, 0, 2), 4)).toEqual([1, 0, 2, 0]);
  });
});

describe('dataWarnings', () => {
  const images = (labels: number[]) => labels.map((label, i) => ({ image: picture(i), label }));

  it('are silent about balanced classes', () => {
    const data = dataSet({ train: images([0, 1, 2]), val: images([0, 1, 2]), test: images([2, 1, 0]) });
    expect(dataWarnings(data)).toEqual([]);
  });

  it('name missing splits, classes without images and classes far apart', () => {
    const labels = [...new Array<number>(22).fill(0), 1, 1];
    const data = dataSet({ train: images(labels), test: images([0, 1, 2]) });
    const warnings = dataWarnings(data).join('\n');
    expect(warnings).toContain('no validation images');
    expect(warnings).toContain('no train image of c');
    expect(warnings).toContain('a has 11.0 times as many training images as b');
    expect(data.splits.train.images).toHaveLength(24 * PIXELS);
  });
});
