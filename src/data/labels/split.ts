import { RandomStream } from '../../util/random.js';
import type { SplitName } from '../dataset.js';
import { DATA_STREAM } from '../streams.js';
import type { LabelledImage } from './image.js';

/** Shares of train, val and test where a data set has no splits: a fifth for test, and a fifth of the rest for val. */
export const DEFAULT_SHARES: Shares = [64, 16, 20];

export type Shares = readonly [train: number, val: number, test: number];

/**
 * Draws splits class by class, so that each split has every class in about its share. Depends on `seed` and on the order of
 * the images.
 */
export function drawSplits(images: readonly LabelledImage[], shares: Shares, seed: number): LabelledImage[] {
  const [train, val, test] = shares;
  const total = train + val + test;
  return drawByClass(images, DATA_STREAM.split, seed, (place, count): SplitName => {
    if (place < Math.round((count * train) / total)) return 'train';
    return place < Math.round((count * (train + val)) / total) ? 'val' : 'test';
  });
}

/** Moves a share of the training images of each class to `val`, for data sets that come without a validation split. */
export function drawValidation(images: readonly LabelledImage[], share: number, seed: number): LabelledImage[] {
  const training = images.filter(({ split }) => split === 'train');
  const others = images.filter(({ split }) => split !== 'train');
  const drawn = drawByClass(training, DATA_STREAM.split, seed, (place, count): SplitName =>
    place < Math.round(count * (1 - share)) ? 'train' : 'val',
  );
  return [...drawn, ...others];
}

/** At most `most` images of each class, in each split where there are splits; a larger number only adds images. */
export function limitClasses(images: readonly LabelledImage[], most: number, seed: number): LabelledImage[] {
  const kept = new Set<LabelledImage>();
  const splits = new Set(images.map(({ split }) => split));
  for (const split of splits) {
    const own = images.filter(image => image.split === split);
    for (const [label, members] of byClass(own)) {
      const order = new RandomStream(seed, DATA_STREAM.perClass, label).permutation(members.length);
      for (const place of order.subarray(0, most)) kept.add(members[place]!);
    }
  }
  return images.filter(image => kept.has(image));
}

function drawByClass(
  images: readonly LabelledImage[],
  stream: number,
  seed: number,
  splitOf: (place: number, count: number) => SplitName,
): LabelledImage[] {
  const splits = new Map<LabelledImage, SplitName>();
  for (const [label, members] of byClass(images)) {
    const order = new RandomStream(seed, stream, label).permutation(members.length);
    order.forEach((index, place) => splits.set(members[index]!, splitOf(place, members.length)));
  }
  return images.map(image => ({ ...image, split: splits.get(image)! }));
}

function byClass(images: readonly LabelledImage[]): Map<number, LabelledImage[]> {
  const classes = new Map<number, LabelledImage[]>();
  for (const image of images) {
    const members = classes.get(image.label);
    if (members) members.push(image);
    else classes.set(image.label, [image]);
  }
  return classes;
}
