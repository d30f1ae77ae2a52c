import { augmentersFor, type Augmenter } from '../data/augment/augmenter.js';
import type { AugmentSpec } from '../data/augment/transforms.js';
import type { DataSet } from '../data/dataset.js';
import type { LoadOptions } from '../data/options.js';
import type { Device } from '../gpu/device.js';
import { openDevice, type OpenOptions } from '../gpu/node.js';
import type { Precision } from '../gpu/matrices.js';
import type { HostTensor } from '../interop/safetensors.js';
import { init, type Module } from '../nn/index.js';
import { setDefaultDevice } from '../tensor/index.js';
import { loadWeights, type WeightsInfo } from '../train/checkpoint.js';
import { packSize } from '../train/load-options.js';
import { createModel, definitionOf, modelChoice, takesImageNet, type ModelChoice } from '../train/model.js';
import { normalisationOf } from '../train/normalisation.js';
import { RunFolder, type RunConfig } from '../train/run.js';
import { UserError } from '../util/errors.js';

/** A network's weights, and what is known of the images that it was trained on. */
export interface Trained {
  /** The file that the weights stand in. */
  readonly file: string;
  readonly model: ModelChoice;
  readonly state: ReadonlyMap<string, HostTensor>;
  /** Classes and normalisation; absent where the weights' file does not say. */
  readonly known?: { classes: string[]; mean: number[]; std: number[]; imagenet?: boolean } | undefined;
  readonly equalize: boolean;
  /** Of the images that it was trained on, before anything was cut from them. */
  readonly images?: WeightsInfo['images'] | undefined;
  /** Of whose resizes and crops images are made. */
  readonly augment?: AugmentSpec | undefined;
  /** What a run was trained and validated in. */
  readonly precision?: Precision | undefined;
  /** The kernels that a run computed with, where they are not the defaults. */
  readonly tuning: ReadonlyMap<string, string>;
  /** Where the weights are a run's. */
  readonly run?: { path: string; config: RunConfig } | undefined;
}

/** What goes before what the weights know of themselves. */
export interface TrainedOverrides {
  readonly mean?: number[] | undefined;
  readonly std?: number[] | undefined;
  readonly augment?: AugmentSpec | undefined;
}

/**
 * The best weights of a run.
 * @throws UserError where there is no run, or none of its epochs was finished
 */
export async function readTrainedRun(folder: string): Promise<Trained> {
  const run = await RunFolder.open(folder);
  if (!(await run.hasBest())) throw new UserError(`${folder} has no best weights yet: no epoch was finished`);
  const { config, best } = run;
  const { state, info } = await loadWeights(best);
  const { augment, precision } = config.options;
  return {
    ...{ file: best, model: modelChoice(config.options), state, known: config },
    ...{ equalize: info?.equalize === true, images: info?.images },
    tuning: new Map(Object.entries(config.tuning ?? {})),
    ...{ augment, precision, run: { path: folder, config } },
  };
}

/**
 * Weights from a file. One that facegrad wrote knows its network, and how that was built; `choice` goes first.
 * @throws UserError where there is no such file, or where nothing says which network it is of
 */
export async function readTrainedWeights(file: string, choice: Partial<ModelChoice> = {}): Promise<Trained> {
  const { state, info } = await loadWeights(file);
  const model = choice.model ?? info?.model;
  if (model === undefined) {
    throw new UserError(
      `${file} does not say which network it is of: give --model <name>; \`facegrad models\` lists them`,
    );
  }
  const own = info?.model === model ? modelChoice(info) : {};
  return {
    file,
    model: { ...own, ...choice, model },
    state,
    known: info,
    ...{ equalize: info?.equalize === true, images: info?.images },
    tuning: new Map(),
  };
}

/** Whether the network of `trained` normalises its images as ImageNet's were. */
export function normalisesAsImageNet(
  { model, known }: Trained,
  given: { readonly mean?: unknown; readonly std?: unknown },
): boolean {
  return takesImageNet(definitionOf(model), given) && (known ? known.imagenet === true : true);
}

/** How data must be loaded so that the network gets images as it was trained on. */
export function loadOptionsFor(trained: Trained, given: TrainedOverrides = {}): LoadOptions {
  const { model, known, equalize } = trained;
  const spec = given.augment ?? trained.augment;
  return {
    // A network that does not convert its input was trained on as many channels as it has means.
    ...(known && !normalisesAsImageNet(trained, given) ? { channels: known.mean.length === 1 ? 1 : 3 } : {}),
    ...(equalize ? { equalize } : {}),
    inputSize: packSize(model.inputSize ?? definitionOf(model).size, spec !== undefined),
  };
}

/** A device for `trained`, with the kernels that its run computed with. The caller destroys it. */
export async function openDeviceFor(trained: Trained, options: OpenOptions): Promise<Device> {
  const device = await openDevice({ ...options, precision: options.precision ?? trained.precision });
  device.tuning = trained.tuning;
  return device;
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
  trained: Trained,
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
