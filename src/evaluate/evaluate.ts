import type { Augmenter } from '../data/augment/augmenter.js';
import type { DataSet, Split } from '../data/dataset.js';
import type { Device } from '../gpu/device.js';
import { OutOfGpuMemoryError } from '../gpu/errors.js';
import type { Module } from '../nn/index.js';
import { formatShape, noGrad, sameShape, scope, setDefaultDevice, Tensor } from '../tensor/index.js';
import { adviceOf, fittingBatch } from '../train/batch-advice.js';
import { Batches, inOrder, type Normalisation } from '../train/batches.js';
import { IN_FLIGHT } from '../train/validate.js';
import { UserError } from '../util/errors.js';

/** What a network says of a split, one entry an image, in the split's order. */
export interface Predictions {
  readonly count: number;
  /** Mean cross-entropy per image, natural logarithm. */
  readonly loss: number;
  readonly accuracy: number;
  /** (count) true classes. */
  readonly labels: Uint8Array;
  /** (count) predicted classes: the first of the highest logits. */
  readonly predictions: Uint8Array;
  /** (count,K), row-major. */
  readonly logits: Float32Array;
}

/**
 * Runs `model` in evaluation mode over a split, and leaves it in the mode in which it was. Logits stay on the GPU until the
 * end and are read once.
 * @throws UserError when the model's number of classes is not the data's
 */
export async function evaluate(
  device: Device,
  model: Module,
  data: DataSet,
  split: Split,
  options: Normalisation & {
    readonly batchSize: number;
    /** For tests: crops, over which the answers are averaged. */
    readonly augmenter?: Augmenter | undefined;
    readonly onProgress?: (fraction: number) => void;
  },
): Promise<Predictions> {
  setDefaultDevice(device);
  const batchesOf = (size: number) => new Batches(device, data, split, size, options, options.augmenter);
  const batches = batchesOf(options.batchSize);
  const classes = data.classes.length;
  const order = inOrder(split.count);
  const all = Tensor.empty([split.count, classes], { device }).keep();
  const training = model.training;
  model.eval();
  try {
    for (let i = 0; i < batches.count; i++) {
      scope(() => {
        noGrad(() => {
          const { x, size } = batches.load(order, i);
          const logits = batches.answers(model.forward(x));
          if (!sameShape(logits.shape, [size, classes])) {
            throw new UserError(
              `the model puts out ${formatShape(logits.shape)} for ${size} images; ${data.name} has ${classes} classes`,
            );
          }
          const bytes = classes * 4;
          const place = { buffer: all.slice.buffer, offset: i * options.batchSize * bytes, bytes: size * bytes };
          device.copy({ ...logits.slice, bytes: size * bytes }, place);
        });
      });
      await device.settle(IN_FLIGHT);
      options.onProgress?.((i + 1) / batches.count);
    }
    return score(await all.data(), split.labels, classes);
  } catch (error) {
    if (!(error instanceof OutOfGpuMemoryError)) throw error;
    const fitting = await fittingBatch(device, error, { below: Math.min(options.batchSize, split.count) }, size => {
      rehearse(model, batchesOf(size), split.count);
    });
    throw error.advising(adviceOf(fitting));
  } finally {
    all.dispose();
    model.train(training);
  }
}

/** What takes memory in an evaluation: a whole batch, and the last one. */
function rehearse(model: Module, batches: Batches, count: number): void {
  for (const index of new Set([0, batches.count - 1])) {
    scope(() => {
      noGrad(() => batches.answers(model.forward(batches.load(new Uint32Array(count), index).x)));
    });
  }
}

/** Loss, accuracy and predictions of logits (count,K), in double precision. */
export function score(logits: Float32Array, labels: Uint8Array, classes: number): Predictions {
  const count = labels.length;
  const predictions = new Uint8Array(count);
  let loss = 0;
  let correct = 0;
  for (let n = 0; n < count; n++) {
    const row = logits.subarray(n * classes, (n + 1) * classes);
    let best = 0;
    row.forEach((value, k) => {
      if (value > row[best]!) best = k;
    });
    predictions[n] = best;
    if (best === labels[n]) correct++;
    const sum = row.reduce((total, value) => total + Math.exp(value - row[best]!), 0);
    loss += Math.log(sum) + row[best]! - row[labels[n]!]!;
  }
  return { count, loss: loss / count, accuracy: correct / count, labels, predictions, logits };
}
