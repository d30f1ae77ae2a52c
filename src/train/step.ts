import type { Device } from '../gpu/device.js';
import { accumulateTotals, crossEntropy, scale } from '../kernels/index.js';
import { backward, scope } from '../tensor/index.js';
import { firstBadTensor } from './diagnose.js';
import type { Setup } from './setup.js';
import type { Trainee } from './trainee.js';
import type { TrainOptions } from './types.js';

/** Where a step stands: its epoch, from 1, the order of that epoch's images, and its place among the epoch's steps, from 0. */
export interface StepPlace {
  readonly epoch: number;
  readonly order: Uint32Array;
  readonly step: number;
}

/** Trains a network one step at a time. */
export class Stepper {
  /** The generator's position and the learning rate before each batch since `forget`: a diagnosis draws the same again. */
  #before: { offset: number; lr: number }[] = [];

  constructor(
    private readonly device: Device,
    private readonly setup: Setup,
    private readonly options: TrainOptions,
  ) {}

  /** One update of the parameters, from one batch or, with `--accumulate`, several. */
  run(trainee: Trainee, place: StepPlace): void {
    const { accumulate = 1, batchSize } = this.options;
    const first = place.step * accumulate;
    const end = Math.min(first + accumulate, this.setup.batchCount);
    const images = Math.min(end * batchSize, place.order.length) - first * batchSize;
    for (let index = first; index < end; index++) {
      scope(() => {
        this.#accumulateGradients(trainee, place, index, images);
        if (index === end - 1) update(trainee);
      });
      if (index < end - 1) this.device.submit();
    }
  }

  /** The losses so far were finite. */
  forget(): void {
    this.#before = [];
  }

  /**
   * Finds the batch, `bad` batches ago (that one included), whose loss was not finite, and the first bad tensor in it.
   * `place.step` counts the steps that are done. No parameter has moved since then; the batch is run again with the same draws.
   */
  async diagnose(
    { model, generator, optimizer }: Trainee,
    { epoch, order, step }: StepPlace,
    bad: number,
  ): Promise<{ step: number; lr: number; culprit: string | undefined }> {
    const { accumulate = 1 } = this.options;
    const batch = Math.min(step * accumulate, this.setup.batchCount) - bad; // 0-based
    const { offset, lr } = this.#before.at(-bad) ?? { offset: generator.offset, lr: optimizer.lr };
    generator.offset = offset;
    const culprit = await firstBadTensor(
      model,
      () => this.setup.batches.train.load(order, batch, epoch).x,
      x => model.forward(x),
    );
    return { step: Math.floor(batch / accumulate) + 1, lr, culprit };
  }

  /** Adds the gradients of a batch, whose loss counts by its share of the step's `images`. */
  #accumulateGradients(trainee: Trainee, { epoch, order }: StepPlace, index: number, images: number): void {
    const { model, generator, optimizer, scaler, totals } = trainee;
    const { labelSmoothing, focalGamma } = this.options;
    const { batches, weights } = this.setup;
    this.#before.push({ offset: generator.offset, lr: optimizer.lr });
    const { x, labels, target, size } = batches.train.load(order, index, epoch);
    const logits = model.forward(x);
    const loss = crossEntropy(logits, target, { weight: weights?.tensor, labelSmoothing, focalGamma });
    accumulateTotals(totals, logits, loss, labels);
    const share = size === images ? loss : scale(loss, size / images);
    backward(share, scaler?.seed(share));
  }
}

function update({ optimizer, average, schedule, scaler, totals }: Trainee): void {
  optimizer.step(totals.slice, scaler);
  average?.update(scaler?.guard ?? totals.slice);
  optimizer.zeroGrad();
  schedule?.stepDone();
}
