import type { Device } from '../gpu/device.js';
import { accumulateTotals, crossEntropy, scale } from '../kernels/index.js';
import { init, type Module } from '../nn/index.js';
import { backward, defaultGenerator, noGrad, scope, Tensor } from '../tensor/index.js';
import type { Batch, Batches } from './batches.js';

/** What of a run its rehearsal needs. */
export interface Rehearsed {
  readonly create: () => Module;
  readonly train: Portions;
  /** Splits that are evaluated. */
  readonly evaluated: readonly Portions[];
  /** Batches of a step. */
  readonly accumulate: number;
}

/** Images in batches. */
interface Portions {
  readonly batches: Batches;
  readonly images: number;
  /** How many batches. */
  readonly count: number;
}

/**
 * Does what takes memory in a run's steps and evaluations, each with a whole batch and with the last, which holds what is left;
 * on a network of its own, and with the generator left as it was. For `Device.bytesTakenBy`: nothing may run.
 */
export function rehearseRun(device: Device, { create, train, evaluated, accumulate }: Rehearsed): void {
  const generator = defaultGenerator();
  const { offset } = generator;
  const model = init.withoutValues(create);
  const totals = Tensor.empty([4], { device }).keep();
  try {
    model.train();
    eachKind(train, ({ x, labels, target }) => {
      const logits = model.forward(x);
      const value = crossEntropy(logits, target);
      accumulateTotals(totals, logits, value, labels);
      backward(accumulate > 1 ? scale(value, 1 / accumulate) : value);
    });
    for (const parameter of model.parameters()) parameter.grad?.dispose();
    model.eval();
    for (const split of evaluated) {
      eachKind(split, ({ x, labels, target }) => {
        noGrad(() => {
          const logits = split.batches.answers(model.forward(x));
          accumulateTotals(totals, logits, crossEntropy(logits, target), labels);
        });
      });
    }
  } finally {
    totals.dispose();
    model.dispose();
    generator.offset = offset;
  }
}

/** Loads a whole batch, and the last one. */
function eachKind({ batches, images, count }: Portions, use: (batch: Batch) => void): void {
  // Of the first image: which ones they are does not matter.
  const order = new Uint32Array(images);
  // A split may be empty.
  for (const index of new Set(count > 0 ? [0, count - 1] : [])) {
    scope(() => {
      use(batches.load(order, index));
    });
  }
}
