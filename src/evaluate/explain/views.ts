import type { Augmenter } from '../../data/augment/augmenter.js';
import { selectImages, type DataSet, type Split } from '../../data/dataset.js';
import type { Device } from '../../gpu/device.js';
import { scope, Tensor } from '../../tensor/index.js';
import { Batches, inOrder, type Normalisation } from '../../train/batches.js';

/** Of five or ten crops the one in the middle; the others follow it mirrored. */
const CENTRE = 4;

/** Images as a network gets them. */
export interface Views {
  /** (N,C,H,W), normalised; the caller disposes of it. */
  readonly x: Tensor;
  /** What x was before it was normalised: (N,H,W,C) bytes. */
  readonly pictures: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * The images `indices` of a split as the network gets them in a test. Where a test takes several crops of an image, the one
 * in the middle stands for it.
 */
export async function viewsOf(
  device: Device,
  data: DataSet,
  split: Split,
  indices: Uint32Array,
  normalisation: Normalisation,
  augmenter: Augmenter | undefined,
): Promise<Views> {
  const chosen = selectImages(split, indices);
  const batches = new Batches(device, data, chosen, chosen.count, normalisation, augmenter);
  // In a scope, so that what is made on the way to x goes again.
  const x = scope(() => batches.load(inOrder(chosen.count), 0).x.keep());
  const views = augmenter?.averages ? augmenter.views : 1;
  const [, channels, height, width] = x.shape as [number, number, number, number];
  const all = await x.data();
  x.dispose();
  const size = channels * height * width;
  const values = new Float32Array(chosen.count * size);
  const pictures = new Uint8Array(values.length);
  const { mean, std } = normalisation;
  const plane = height * width;
  for (let n = 0; n < chosen.count; n++) {
    const from = (n * views + Math.min(CENTRE, views - 1)) * size;
    values.set(all.subarray(from, from + size), n * size);
    for (let i = 0; i < size; i++) {
      const c = Math.floor(i / plane);
      const byte = Math.round((all[from + i]! * std[c]! + mean[c]!) * 255);
      pictures[n * size + (i % plane) * channels + c] = Math.min(255, Math.max(0, byte));
    }
  }
  return {
    x: Tensor.from(values, [chosen.count, channels, height, width], { device }).keep(),
    pictures,
    labels: chosen.labels,
  };
}
