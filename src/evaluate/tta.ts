import { augmentersFor } from '../data/augment/augmenter.js';
import { resolveSpec } from '../data/augment/spec.js';
import { stepsOf, type AugmentEntry, type AugmentSpec, type Step } from '../data/augment/transforms.js';
import type { DataSet, Split } from '../data/dataset.js';
import type { Device } from '../gpu/device.js';
import { UserError } from '../util/errors.js';
import { combine } from './ensemble.js';
import { evaluate, type Predictions } from './evaluate.js';
import type { PlacedNetwork } from './place.js';

/** Test-time augmentation: views of each image, the mean of whose probabilities is the answer. */
export type Tta = { readonly kind: 'flip' } | { readonly kind: 'ten-crop'; readonly size?: number };

/** Of the image's side, where a ten-crop is given no size: 224 of 256, as is usual with ImageNet. */
const CROP = 224 / 256;

/**
 * Reads `flip`, `ten-crop` or `ten-crop:40`.
 * @throws {UserError} where it is none of them
 */
export function parseTta(text: string): Tta {
  const [, kind, size] = /^(flip|ten-crop)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (kind === 'flip' && size === undefined) return { kind };
  if (kind === 'ten-crop') return { kind, ...(size === undefined ? {} : { size: Number(size) }) };
  throw new UserError(`--tta ${text}: give flip, ten-crop, or ten-crop:<pixels> such as ten-crop:40`);
}

export interface TtaOptions {
  readonly batchSize: number;
  readonly tta?: Tta | undefined;
  /** What the network was trained with, whose resizes are kept; with `ten-crop` its crops make way. */
  readonly augment?: AugmentSpec | undefined;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Predictions of a network for a split, with test-time augmentation where that is asked for.
 * @throws {UserError} where crops are larger than the images
 */
export async function evaluateWithTta(
  device: Device,
  { model, normalisation, augmenter }: PlacedNetwork,
  data: DataSet,
  split: Split,
  { batchSize, tta, augment, onProgress = () => undefined }: TtaOptions,
): Promise<Predictions> {
  const options = { ...normalisation, augmenter, batchSize };
  if (tta?.kind === 'ten-crop') {
    const output = augmenter?.output ?? data;
    const spec = tenCropSpec(augment ?? [], data, output, tta.size);
    const crops = augmentersFor(spec, data, normalisation).test;
    return evaluate(device, model, data, split, { ...options, augmenter: crops, onProgress });
  }
  const passes = tta === undefined ? [split] : [split, mirrored(split, data)];
  const predictions: Predictions[] = [];
  for (const [i, pass] of passes.entries()) {
    const progress = (fraction: number) => {
      onProgress((i + fraction) / passes.length);
    };
    predictions.push(await evaluate(device, model, data, pass, { ...options, onProgress: progress }));
  }
  return tta === undefined ? predictions[0]! : combine(predictions);
}

/** What was done, for people. */
export function describeTta(tta: Tta): string {
  if (tta.kind === 'flip') return 'mean over each image and its mirror image';
  return `mean over ten crops${tta.size === undefined ? '' : ` of ${tta.size} pixels`} of each image`;
}

type Sides = { readonly height: number; readonly width: number };

/**
 * A spec whose test images are ten crops in the size that the network was trained on. Of `trained` it keeps what resizes
 * whole images; its crops make way for the ten, whose size they have where none is given.
 */
export function tenCropSpec(trained: AugmentSpec, image: Sides, output: Sides, size?: number): AugmentSpec {
  let whole: [number, number] = [image.height, image.width];
  let cropped: [number, number] | undefined;
  const resizes: AugmentEntry[] = [];
  for (const step of stepsOf(trained)) {
    if (step.name === 'resize' || step.name === 'resized-crop') {
      if (!step.options.size) continue;
      whole = step.options.size;
      resizes.push({ resize: { size: whole } });
    } else cropped = cropOf(step) ?? cropped;
  }
  const side = size === undefined ? undefined : ([size, size] as [number, number]);
  const crop = side ?? cropped ?? (whole.map(length => Math.round(CROP * length)) as [number, number]);
  if (crop[0] > whole[0] || crop[1] > whole[1]) {
    throw new UserError(
      `--tta ten-crop:${crop[0]}: the images have ${whole[1]}x${whole[0]} pixels; give a smaller size`,
    );
  }
  return resolveSpec([
    ...resizes,
    { 'ten-crop': { size: crop, at: 'test', average: 'softmax' } },
    { resize: { size: [output.height, output.width] } },
  ]);
}

function cropOf({ name, options }: Step): [number, number] | undefined {
  return /crop$/.test(name) && 'size' in options ? (options.size as [number, number]) : undefined;
}

/** A split's images, left and right exchanged. */
export function mirrored(split: Split, { width, channels }: Pick<DataSet, 'width' | 'channels'>): Split {
  const images = new Uint8Array(split.images.length);
  for (let start = 0; start < images.length; start += width * channels) {
    for (let x = 0; x < width; x++) {
      const from = start + (width - 1 - x) * channels;
      for (let c = 0; c < channels; c++) images[start + x * channels + c] = split.images[from + c]!;
    }
  }
  return { ...split, images };
}
