import { UserError } from '../util/errors.js';
import { RandomStream } from '../util/random.js';
import { DATA_STREAM } from './streams.js';

/** The parts of a data set: what is learned from, what is chosen by, and what is kept for the end. */
export type SplitName = 'train' | 'val' | 'test';

/** The order in which splits are stored and listed. */
export const SPLIT_NAMES: readonly SplitName[] = ['train', 'val', 'test'];

/** Images and their labels, packed. A split may be empty: `count` is 0 and both arrays have no elements. */
export interface Split {
  readonly count: number;
  /** (count,H,W,C) bytes, channels innermost. */
  readonly images: Uint8Array;
  /** (count) class ids, each below the number of classes; where there are `targets`, the first of the largest. */
  readonly labels: Uint8Array;
  /** (count,K) probabilities of the classes, each row of sum 1, where labels are soft. */
  readonly targets?: Float32Array;
  /** What each image is called in its source: `line 17` of a CSV file, a path in a folder or an archive. */
  readonly names?: readonly string[];
  /** (count) where images come from two data sets (joint.ts): 0 for the data set's own, 1 for those of the other. */
  readonly sources?: Uint8Array;
}

/**
 * A labelled image set in memory. `train` is never empty; `val` and `test` are where the source has no such rows, and
 * whoever needs them says so.
 */
export interface DataSet {
  readonly name: string;
  /**
   * How labels came about, where there was a choice: the rule, the source, what was mapped or left out; and whether
   * histograms were equalised.
   */
  readonly labelling?: string;
  /** In training a one-hot target is drawn from `targets` at every presentation, instead of the targets themselves. */
  readonly drawsTargets?: boolean;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly splits: Readonly<Record<SplitName, Split>>;
  /** Hash of classes, sizes, labels and pixels: the same contents have the same fingerprint, wherever they were read from. */
  readonly fingerprint: string;
}

/** A data set's name with how its labels came about: what results are printed with. */
export function titleOf({ name, labelling }: Pick<DataSet, 'name' | 'labelling'>): string {
  return labelling === undefined ? name : `${name} (${labelling})`;
}

/**
 * Mean and population standard deviation of a split's pixels, per channel, of pixel / 255. Sums are exact integers (a
 * histogram per channel), so that the result does not depend on the order of the images.
 *
 * @throws {UserError} when the split is empty
 */
export function pixelStatistics(split: Split, channels: number): { mean: number[]; std: number[] } {
  if (split.images.length === 0) throw new UserError('pixel statistics of a split without images do not exist');
  const mean: number[] = [];
  const std: number[] = [];
  for (let c = 0; c < channels; c++) {
    const histogram = new Float64Array(256);
    for (let i = c; i < split.images.length; i += channels) histogram[split.images[i]!]!++;
    const moments = histogramMoments(histogram);
    mean.push(moments.mean);
    std.push(moments.std);
  }
  return { mean, std };
}

/** Mean and population standard deviation of value / 255, of the bytes that a histogram (256) counts; NaN where it is empty. */
export function histogramMoments(histogram: Float64Array): { mean: number; std: number } {
  const count = histogram.reduce((sum, times) => sum + times, 0);
  const mean = histogram.reduce((sum, times, value) => sum + times * value, 0) / count;
  // Deviations from the mean, not E[x²] - E[x]²: no cancellation where the variance is small.
  const squares = histogram.reduce((sum, times, value) => sum + times * (value - mean) ** 2, 0);
  return { mean: mean / 255, std: Math.sqrt(squares / count) / 255 };
}

/**
 * A subset of at most `limit` images: the first `limit` of a permutation drawn from `seed`, so that a larger limit only
 * adds images. Classes are drawn as they come, not balanced. The split itself where it has no more than `limit`. Of images from two
 * sources, `limit` of each.
 *
 * @throws {UserError} when `limit` is not a positive integer
 */
export function limitSplit(split: Split, limit: number, seed: number): Split {
  if (!Number.isInteger(limit) || limit < 1)
    throw new UserError(`limit is ${limit}: it must be an integer of 1 or more`);
  const { count, sources } = split;
  if (count <= limit) return split;
  const draw = (from: number) => new RandomStream(seed, DATA_STREAM.limit).permutation(from).subarray(0, limit);
  if (!sources) return selectImages(split, draw(count));
  const places = Uint32Array.from(sources.keys());
  const chosen = [0, 1].flatMap(source => {
    const own = places.filter(place => sources[place] === source);
    return Array.from(draw(own.length), i => own[i]!);
  });
  return selectImages(split, Uint32Array.from(chosen));
}

/** The images `indices` of a split, in that order, with all that belongs to them. */
export function selectImages(split: Split, indices: Uint32Array): Split {
  const imageBytes = split.images.length / split.count;
  const classes = split.targets === undefined ? 0 : split.targets.length / split.count;
  const images = new Uint8Array(indices.length * imageBytes);
  const targets = new Float32Array(indices.length * classes);
  indices.forEach((from, to) => {
    images.set(split.images.subarray(from * imageBytes, (from + 1) * imageBytes), to * imageBytes);
    if (split.targets) targets.set(split.targets.subarray(from * classes, (from + 1) * classes), to * classes);
  });
  return {
    count: indices.length,
    images,
    labels: Uint8Array.from(indices, from => split.labels[from]!),
    ...(split.targets ? { targets } : {}),
    ...(split.names ? { names: Array.from(indices, from => split.names![from]!) } : {}),
    ...(split.sources ? { sources: Uint8Array.from(indices, from => split.sources![from]!) } : {}),
  };
}

/** The order in which an epoch visits `count` images: a permutation that depends on nothing but the arguments. */
export function epochOrder(count: number, seed: number, epoch: number): Uint32Array {
  return new RandomStream(seed, DATA_STREAM.shuffle, epoch).permutation(count);
}

/**
 * Copies the images and labels `indices[start]` to `indices[end - 1]` to the front of `images` and `labels`. What lies
 * behind them in the outputs is left as it is.
 *
 * @param imageBytes H * W * C
 */
export function gatherBatch(
  split: Split,
  indices: Uint32Array,
  start: number,
  end: number,
  imageBytes: number,
  images: Uint8Array,
  labels: Uint32Array,
): void {
  for (let i = start; i < end; i++) {
    const from = indices[i]!;
    images.set(split.images.subarray(from * imageBytes, (from + 1) * imageBytes), (i - start) * imageBytes);
    labels[i - start] = split.labels[from]!;
  }
}

/** Copies the targets of the images that `gatherBatch` copies, (end - start, K), to the front of `out`. */
export function gatherTargets(
  targets: Float32Array,
  classes: number,
  indices: Uint32Array,
  start: number,
  end: number,
  out: Float32Array,
): void {
  for (let i = start; i < end; i++) {
    const from = indices[i]! * classes;
    out.set(targets.subarray(from, from + classes), (i - start) * classes);
  }
}

/**
 * As `gatherTargets`, with one-hot rows: class k is drawn with the probability that the image's targets give it. A draw
 * depends on `seed`, `epoch` and the image's index alone, so that a resumed run sees the labels of one that never stopped.
 */
export function drawTargets(
  targets: Float32Array,
  classes: number,
  indices: Uint32Array,
  start: number,
  end: number,
  out: Float32Array,
  seed: number,
  epoch: number,
): void {
  out.fill(0, 0, (end - start) * classes);
  for (let i = start; i < end; i++) {
    const index = indices[i]!;
    const row = targets.subarray(index * classes, (index + 1) * classes);
    let left = new RandomStream(seed, DATA_STREAM.drawnLabel, epoch, index).uniform();
    // Rounding may leave a little when all classes are through: the last that can be drawn takes it.
    let drawn = row.findLastIndex(p => p > 0);
    for (let k = 0; k < classes; k++) {
      left -= row[k]!;
      if (left < 0) {
        drawn = k;
        break;
      }
    }
    out[(i - start) * classes + drawn] = 1;
  }
}
