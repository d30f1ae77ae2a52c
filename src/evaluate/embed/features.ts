import type { Augmenter } from '../../data/augment/augmenter.js';
import { selectImages, type DataSet, type Split } from '../../data/dataset.js';
import type { Device } from '../../gpu/device.js';
import { Linear, type Module } from '../../nn/index.js';
import { noGrad, scope, setDefaultDevice, type Tensor } from '../../tensor/index.js';
import { Batches, inOrder, type Normalisation } from '../../train/batches.js';
import { IN_FLIGHT } from '../../train/validate.js';
import { UserError } from '../../util/errors.js';

/** What a network makes of images before its last linear layer. */
export interface Features {
  readonly count: number;
  readonly dimensions: number;
  /** (count,dimensions) */
  readonly values: Float32Array;
  /** The layer whose input this is. */
  readonly layer: string;
}

/**
 * The penultimate features of images of a split: what goes into the last linear layer, in evaluation mode. Of an image of
 * which a test takes several crops, the mean of theirs.
 * @throws UserError where the model has no linear layer
 */
export async function extractFeatures(
  device: Device,
  {
    model,
    normalisation,
    augmenter,
  }: { model: Module; normalisation: Normalisation; augmenter: Augmenter | undefined },
  data: DataSet,
  split: Split,
  indices: Uint32Array,
  { batchSize, onProgress }: { readonly batchSize: number; readonly onProgress?: (fraction: number) => void },
): Promise<Features> {
  setDefaultDevice(device);
  const chosen = selectImages(split, indices);
  const batches = new Batches(device, data, chosen, batchSize, normalisation, augmenter);
  const [layer, last] = [...model.namedModules()].findLast(([, module]) => module instanceof Linear) ?? [];
  if (layer === undefined || !last)
    throw new UserError('the model has no linear layer, whose input its features would be');
  const views = augmenter?.averages ? augmenter.views : 1;
  const order = inOrder(chosen.count);
  const training = model.training;
  let input: Tensor | undefined;
  const unhook = last.registerForwardHook((_module, x) => {
    input = x.keep();
  });
  model.eval();
  let values = new Float32Array(0);
  let dimensions = 0;
  try {
    for (let i = 0; i < batches.count; i++) {
      scope(() => {
        noGrad(() => {
          model.forward(batches.load(order, i).x);
        });
      });
      const features = await input!.data();
      [, dimensions = 0] = input!.shape;
      input!.dispose();
      if (values.length === 0) values = new Float32Array(chosen.count * dimensions);
      const rows = features.length / dimensions / views;
      for (let n = 0; n < rows; n++) {
        const at = (i * batchSize + n) * dimensions;
        for (let d = 0; d < dimensions; d++) {
          let sum = 0;
          for (let v = 0; v < views; v++) sum += features[(n * views + v) * dimensions + d]!;
          values[at + d] = sum / views;
        }
      }
      await device.settle(IN_FLIGHT);
      onProgress?.((i + 1) / batches.count);
    }
  } finally {
    unhook();
    model.train(training);
  }
  return { count: chosen.count, dimensions, values, layer };
}
