import { augmentersFor, type Augmenter } from '../data/augment/augmenter.js';
import type { AugmentSpec } from '../data/augment/transforms.js';
import type { DataSet } from '../data/dataset.js';
import type { Device } from '../gpu/device.js';
import type { Precision } from '../gpu/matrices.js';
import type { HostTensor } from '../interop/safetensors.js';
import { init, type Module } from '../nn/index.js';
import { setDefaultDevice } from '../tensor/index.js';
import { createModel, definitionOf, takesImageNet, type ModelChoice } from '../train/model.js';
import { normalisationOf } from '../train/normalisation.js';
import { UserError } from '../util/errors.js';

/** A network's weights, and what is known of the images that it was trained on; wherever they were read, in browsers too. */
export interface TrainedNetwork {
  /** The file that the weights stand in. */
  readonly file: string;
  readonly model: ModelChoice;
  readonly state: ReadonlyMap<string, HostTensor>;
  /** Classes and normalisation; absent where the weights' file does not say. */
  readonly known?: { classes: string[]; mean: number[]; std: number[]; imagenet?: boolean } | undefined;
  readonly equalize: boolean;
  /** Of the images that it was trained on, before anything was cut from them. */
  readonly images?: { channels: number; height: number; width: number } | undefined;
  /** Of whose resizes and crops images are made. */
  readonly augment?: AugmentSpec | undefined;
  /** What a run was trained and validated in. */
  readonly precision?: Precision | undefined;
  /** The kernels that a run computed with, where they are not the defaults. */
  readonly tuning: ReadonlyMap<string, string>;
}

/** What goes before what the weights know of themselves. */
export interface TrainedOverrides {
  readonly mean?: number[] | undefined;
  readonly std?: number[] | undefined;
  readonly augment?: AugmentSpec | undefined;
}

/** Whether the network of `trained` normalises its images as ImageNet's were. */
export function normalisesAsImageNet(
  { model, known }: Pick<TrainedNetwork, 'model' | 'known'>,
  given: { readonly mean?: unknown; readonly std?: unknown },
): boolean {
  return takesImageNet(definitionOf(model), given) && (known ? known.imagenet === true : true);
}

/** A network on the GPU that is ready for images of a data set. */
export interface PlacedNetwork {
  /** The caller disposes of it. */
  readonly model: Module;
  readonly normalisation: { readonly mean: number[]; readonly std: number[] };
  /** Crops and resizes that are done to test images. */
  readonly augmenter: Augmenter | undefined;
}

/**
 * Builds the network on `device` for images as `data` has them, with its weights.
 * @throws UserError where weights, network and images do not fit together
 */
export function placeNetwork(
  device: Device,
  trained: TrainedNetwork,
  data: DataSet,
  given: TrainedOverrides = {},
): PlacedNetwork {
  setDefaultDevice(device);
  const imagenet = normalisesAsImageNet(trained, given);
  const { mean = trained.known?.mean, std = trained.known?.std } = given;
  const normalisation = normalisationOf(
    { ...(mean && { mean }), ...(std && { std }), imagenet },
    data,
    data.splits.train,
  );
  const augment = augmentersFor(given.augment ?? trained.augment, data, normalisation);
  const classes = trained.known?.classes.length ?? data.classes.length;
  const model = init.withoutValues(() => createModel(trained.model, { ...data, ...augment.output }, classes, imagenet));
  try {
    model.loadStateDict(trained.state);
  } catch (error) {
    model.dispose();
    throw error instanceof UserError ? new UserError(`${trained.file}: ${error.message}`) : error;
  }
  return { model, normalisation, augmenter: augment.test };
}
