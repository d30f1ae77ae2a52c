import type { Device } from '../../gpu/device.js';
import { pixelStatistics, type DataSet, type SplitName } from '../dataset.js';
import { chooseImages, drawSheet, pictureOf, type Picture, type SheetOptions } from '../sheet.js';
import { augmentersFor } from './augmenter.js';
import type { AugmentSpec } from './transforms.js';

/** Images that are augmented at a time. */
const BATCH = 64;

/**
 * A contact sheet as a PNG file: on each row an image as it is, and what the first epochs of a training with that seed would
 * make of it. An image of which a spec makes several samples shows those of an epoch one after the other.
 *
 * @throws {UserError} as `writeSheet`, and where the spec does not fit the images
 */
export async function writeAugmentedSheet(
  dataset: DataSet,
  split: SplitName,
  spec: AugmentSpec,
  options: SheetOptions,
  device: Device,
): Promise<Buffer> {
  const chosen = chooseImages(dataset, split, options).flat();
  const originals = chosen.map(index => pictureOf(dataset, split, index));
  const variants = await augmentedPictures(dataset, split, spec, originals, options, device);
  return drawSheet(originals.map((original, n) => [original, ...variants[n]!]));
}

/** For each picture, the columns that follow it. */
async function augmentedPictures(
  dataset: DataSet,
  split: SplitName,
  spec: AugmentSpec,
  originals: readonly Picture[],
  { columns, seed }: SheetOptions,
  device: Device,
): Promise<Picture[][]> {
  const { mean, std } = pixelStatistics(dataset.splits[split], dataset.channels);
  // An image of one colour cannot be normalised with its own deviation.
  const normalisation = { mean, std: std.map(value => (value > 0 ? value : 1)) };
  const { train } = augmentersFor(spec, dataset, normalisation, seed);
  if (!train) return originals.map(original => new Array<Picture>(columns - 1).fill(original));
  const rows: Picture[][] = [];
  for (let position = 0; position < originals.length; position += BATCH) {
    const batch = originals.slice(position, position + BATCH);
    const variants: Picture[][] = batch.map(() => []);
    const size = batch[0]!.data.length;
    const bytes = new Uint8Array(batch.length * size);
    batch.forEach(({ data }, n) => {
      bytes.set(data, n * size);
    });
    for (let epoch = 1; variants[0]!.length < columns - 1; epoch++) {
      const { x } = train.apply(bytes, { epoch, position }, device);
      const pictures = picturesOf(await x.data(), x.shape, normalisation);
      x.dispose();
      variants.forEach((row, n) => {
        const views = pictures.slice(n * train.views, (n + 1) * train.views);
        row.push(...views.slice(0, columns - 1 - row.length));
      });
    }
    rows.push(...variants);
  }
  return rows;
}

/** Values (N,C,H,W), normalised, as pictures; what is darker than black or brighter than white is cut off. */
export function picturesOf(
  values: Float32Array,
  shape: readonly number[],
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): Picture[] {
  const [count, channels, height, width] = shape as [number, number, number, number];
  const pixels = height * width;
  return Array.from({ length: count }, (_, n) => {
    const data = Uint8Array.from({ length: pixels * channels }, (_, i) => {
      const c = i % channels;
      const value = values[(n * channels + c) * pixels + Math.floor(i / channels)]! * std[c]! + mean[c]!;
      return Math.round(255 * Math.min(Math.max(value, 0), 1));
    });
    return { data, channels, height, width };
  });
}
