import type { Device } from '../gpu/device.js';
import { accumulateTotals, crossEntropy } from '../kernels/index.js';
import type { Module } from '../nn/index.js';
import { noGrad, scope, Tensor } from '../tensor/index.js';
import { inOrder, type Batches } from './batches.js';

/** Batches in flight: enough that the GPU never waits for the host, few enough that the host does not run ahead. */
export const IN_FLIGHT = 2;

/**
 * Mean loss per image and accuracy of `model` in evaluation mode; totals are kept on the GPU and read once. `signal`
 * ends it early, with undefined.
 */
export async function validate(
  device: Device,
  model: Module,
  batches: Batches,
  imageCount: number,
  signal?: AbortSignal,
): Promise<{ loss: number; accuracy: number } | undefined> {
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
