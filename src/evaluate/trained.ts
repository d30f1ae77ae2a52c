import type { LoadOptions } from '../data/options.js';
import type { Device } from '../gpu/device.js';
import { openDevice, type OpenOptions } from '../gpu/node.js';
import { loadWeights } from '../train/checkpoint.js';
import { packSize } from '../train/load-options.js';
import { definitionOf, modelChoice, type ModelChoice } from '../train/model.js';
import { RunFolder, type RunConfig } from '../train/run.js';
import { UserError } from '../util/errors.js';
import { normalisesAsImageNet, type TrainedNetwork, type TrainedOverrides } from './place.js';

export { normalisesAsImageNet, placeNetwork, type PlacedNetwork, type TrainedOverrides } from './place.js';

/** Weights as they were read from a file. */
export interface Trained extends TrainedNetwork {
  /** Where the weights are a run's. */
  readonly run?: { path: string; config: RunConfig } | undefined;
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
