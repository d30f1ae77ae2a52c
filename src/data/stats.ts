import { histogramMoments, SPLIT_NAMES, type DataSet, type Split, type SplitName } from './dataset.js';

/** Pixel statistics per channel, of pixel / 255; NaN where there are no pixels. */
export interface PixelSummary {
  mean: number[];
  /** Population standard deviation. */
  std: number[];
}

/** What `facegrad data info` tells of the pixels and labels of a data set. */
export interface DataStatistics {
  /** Images of each split by class. */
  counts: Record<SplitName, number[]>;
  /** Over all splits. */
  pixels: PixelSummary;
  /** Over all splits, by class. */
  classPixels: PixelSummary[];
  /** (C) histograms of 256 bins: how many pixels of all splits have each value. */
  histograms: Float64Array[];
}

/** Counts and pixel statistics; every sum is an exact integer, so that the order of the images does not matter. */
export function dataStatistics(data: DataSet): DataStatistics {
  const { classes, channels } = data;
  const byClass = classes.map(() => emptyHistograms(channels));
  for (const name of SPLIT_NAMES) countPixels(data.splits[name], channels, byClass);
  const all = emptyHistograms(channels);
  for (const histograms of byClass) {
    histograms.forEach((histogram, c) => {
      histogram.forEach((times, value) => {
        all[c]![value]! += times;
      });
    });
  }
  return {
    counts: countClasses(data),
    pixels: summarisePixels(all),
    classPixels: byClass.map(summarisePixels),
    histograms: all,
  };
}

/** Images of each split by class; soft labels count as their most probable class. */
export function countClasses(data: Pick<DataSet, 'classes' | 'splits'>): Record<SplitName, number[]> {
  const count = (split: SplitName) => countLabels(data.splits[split].labels, data.classes.length);
  return { train: count('train'), val: count('val'), test: count('test') };
}

/** How often each of `classes` labels occurs. */
export function countLabels(labels: Uint8Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** The mean image of each class over the given split, (H,W,C) bytes, rounded; undefined for a class without images. */
export function averageFaces(data: DataSet, split: SplitName): (Uint8Array | undefined)[] {
  const { images, labels } = data.splits[split];
  const size = data.height * data.width * data.channels;
  const counts = countLabels(labels, data.classes.length);
  const sums = data.classes.map(() => new Float64Array(size));
  labels.forEach((label, i) => {
    const sum = sums[label]!;
    const start = i * size;
    for (let p = 0; p < size; p++) sum[p]! += images[start + p]!;
  });
  return sums.map((sum, k) =>
    counts[k] === 0 ? undefined : Uint8Array.from(sum, value => Math.round(value / counts[k]!)),
  );
}

function emptyHistograms(channels: number): Float64Array[] {
  return Array.from({ length: channels }, () => new Float64Array(256));
}

function countPixels({ images, labels, count }: Split, channels: number, byClass: Float64Array[][]): void {
  const imageBytes = images.length / count;
  for (let i = 0; i < count; i++) {
    byClass[labels[i]!]!.forEach((histogram, c) => {
      const end = (i + 1) * imageBytes;
      for (let p = i * imageBytes + c; p < end; p += channels) histogram[images[p]!]!++;
    });
  }
}

function summarisePixels(histograms: readonly Float64Array[]): PixelSummary {
  const moments = histograms.map(histogramMoments);
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}
