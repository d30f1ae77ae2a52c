import { augmentersFor } from '../../data/augment/augmenter.js';
import type { AugmentSpec } from '../../data/augment/transforms.js';
import type { Device } from '../../gpu/device.js';
import { accumulateTotals, crossEntropy } from '../../kernels/index.js';
import { backward, manualSeed, noGrad, scope, setDefaultDevice, Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';
import { RandomStream } from '../../util/random.js';
import { Batches, inOrder } from '../batches.js';
import { createModel, definitionOf, hasBatchNorm, takesImageNet, type ModelChoice } from '../model.js';
import { createOptimizer, type OptimizerName } from '../optimisation.js';

/** What is repeated while it is watched: `train` a whole step, `infer` a forward pass in evaluation mode. */
export type Mode = 'train' | 'infer';

export interface WorkloadOptions extends ModelChoice {
  readonly mode: Mode;
  readonly batchSize: number;
  /** How many the network tells apart; its own number by default. */
  readonly classes?: number;
  /** Channels of the images; the network's own by default. */
  readonly channels?: number;
  /** With its defaults; SGD and RMSprop with momentum 0.9. */
  readonly optimizer: OptimizerName;
  /** What is done to the images; other draws at each step. */
  readonly augment?: AugmentSpec | undefined;
}

/** A network at work on one batch of random images, of its own size and channels. */
export interface Workload {
  /** (C,H,W) of an image. */
  readonly input: readonly [number, number, number];
  /** Records what training or evaluation does with a batch, from its bytes on the host on. */
  step(): void;
  dispose(): void;
}

/** Draws of images and labels; no other part of the program uses this stream. */
const STREAM = 0x70_72_6f_66;
const MOMENTUM = 0.9;

/**
 * A network with fresh weights from a fixed seed, and what keeps it busy.
 * @throws UserError where the network cannot be built or trained so
 */
export function createWorkload(device: Device, options: WorkloadOptions): Workload {
  const { mode, batchSize, optimizer: rule } = options;
  const definition = definitionOf(options);
  const { channels = definition.channels, classes = definition.classes } = options;
  const size = options.inputSize ?? definition.size;
  setDefaultDevice(device);
  manualSeed(0);
  const imagenet = takesImageNet(definition, {});
  const name = 'random images';
  const normalisation = { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
  const augment = augmentersFor(options.augment, { channels, height: size, width: size }, normalisation);
  const model = createModel(options, { name, channels, ...augment.output }, classes, imagenet);
  if (mode === 'train' && batchSize < 2 && hasBatchNorm(model)) {
    model.dispose();
    throw new UserError(`${options.model} has batch normalisation, which trains on batches of two images or more`);
  }
  const random = new RandomStream(0, STREAM);
  const split = {
    count: batchSize,
    images: Uint8Array.from({ length: batchSize * channels * size * size }, () => random.integer(256)),
    labels: Uint8Array.from({ length: batchSize }, () => random.integer(classes)),
  };
  const images = { channels, height: size, width: size, classes: Array.from({ length: classes }, String) };
  const augmenter = mode === 'train' ? augment.train : augment.test;
  const batches = new Batches(device, images, split, batchSize, normalisation, augmenter);
  const order = inOrder(batchSize);
  const momentum = rule === 'sgd' || rule === 'rmsprop' ? MOMENTUM : 0;
  const optimizer =
    mode === 'infer'
      ? undefined
      : createOptimizer(model, { optimizer: rule, lr: 1e-3, weightDecay: 0, momentum, nesterov: false });
  const totals = Tensor.zeros([4]).keep();
  model.train(mode === 'train');
  let epoch = 0;
  return {
    input: [channels, size, size],
    step() {
      scope(() => {
        const { x, labels, target } = batches.load(order, 0, ++epoch);
        if (!optimizer) {
          noGrad(() => batches.answers(model.forward(x)));
          return;
        }
        const logits = model.forward(x);
        const loss = crossEntropy(logits, target);
        accumulateTotals(totals, logits, loss, labels);
        backward(loss);
        optimizer.step(totals.slice);
        optimizer.zeroGrad();
      });
    },
    dispose() {
      totals.dispose();
      optimizer?.dispose();
      model.dispose();
    },
  };
}
