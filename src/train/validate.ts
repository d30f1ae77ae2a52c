import type { Split } from '../data/dataset.js';
import type { Device } from '../gpu/device.js';
import { accumulateTotals, crossEntropy } from '../kernels/index.js';
import type { Module } from '../nn/index.js';
import { noGrad, scope, Tensor } from '../tensor/index.js';
import { inOrder, type Batches } from './batches.js';

/** Batches in flight: enough that the GPU never waits for the host, few enough that the host does not run ahead. */
export const IN_FLIGHT = 2;

/** What a network is worth on a split. */
export interface Validation {
  /** Mean per image. */
  readonly loss: number;
  readonly accuracy: number;
}

/** The share of each class's images that were told right, by the classes' names; null for a class without images. */
export type ClassRecall = Record<string, number | null>;

/**
 * Mean loss per image and accuracy of `model` in evaluation mode; totals are kept on the GPU and read once. `signal`
 * ends it early, with undefined. `onLogits` is shown the logits (N,K) of each batch, in its scope.
 */
export async function validate(
  device: Device,
  model: Module,
  batches: Batches,
  imageCount: number,
  signal?: AbortSignal,
  onLogits?: (logits: Tensor) => void,
): Promise<Validation | undefined> {
  const totals = Tensor.zeros([4], { device }).keep();
  const order = inOrder(imageCount);
  model.eval();
  try {
    for (let i = 0; i < batches.count; i++) {
      if (signal?.aborted) return undefined;
      scope(() => {
        noGrad(() => {
          const { x, labels, target } = batches.load(order, i);
          const logits = batches.answers(model.forward(x));
          accumulateTotals(totals, logits, crossEntropy(logits, target), labels);
          onLogits?.(logits);
        });
      });
      await device.settle(IN_FLIGHT);
    }
    const [loss, correct, images, bad] = await totals.data();
    return bad! > 0 ? { loss: NaN, accuracy: 0 } : { loss: loss! / images!, accuracy: correct! / images! };
  } finally {
    totals.dispose();
    model.train();
  }
}

/** As `validate`, with the recall of each of `classes`, for which the logits of all images are kept on the GPU to the end. */
export async function validateByClass(
  device: Device,
  model: Module,
  batches: Batches,
  { count, labels }: Pick<Split, 'count' | 'labels'>,
  classes: readonly string[],
): Promise<Validation & { readonly recall: ClassRecall }> {
  const all = Tensor.empty([count, classes.length], { device }).keep();
  try {
    let offset = 0;
    const result = await validate(device, model, batches, count, undefined, ({ slice, size }) => {
      const bytes = 4 * size;
      device.copy({ ...slice, bytes }, { buffer: all.slice.buffer, offset, bytes });
      offset += bytes;
    });
    return { ...result!, recall: recallOf(await all.data(), labels, classes) };
  } finally {
    all.dispose();
  }
}

/** The class of an image is the first of its highest logits, as where accuracy is counted. */
function recallOf(logits: Float32Array, labels: Uint8Array, classes: readonly string[]): ClassRecall {
  const right = classes.map(() => 0);
  const images = classes.map(() => 0);
  labels.forEach((label, n) => {
    const row = logits.subarray(n * classes.length, (n + 1) * classes.length);
    images[label]!++;
    if (row.indexOf(Math.max(...row)) === label) right[label]!++;
  });
  return Object.fromEntries(classes.map((name, k) => [name, images[k]! > 0 ? right[k]! / images[k]! : null]));
}
