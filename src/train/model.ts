import * as z from 'zod';
import type { DataSet } from '../data/dataset.js';
import { AdaptedInput, BatchNorm, IMAGENET, modelRegistry, type ModelDefinition, type Module } from '../nn/index.js';
import { UserError } from '../util/errors.js';

/** The options of a run that say which network is built; stored in `config.json` and with weights. */
export interface ModelChoice {
  /** Name in the model registry, such as `simple-cnn`. */
  model: string;
  /** Side of the square images that the network gets; images of another size are resized on the GPU. */
  inputSize?: number;
  dropout?: number;
  /** Squeeze-and-excitation in residual blocks. */
  se?: boolean;
  activation?: 'relu' | 'sigmoid';
}

/** How the optional part of a ModelChoice is stored. */
export const modelOptionsShape = {
  inputSize: z.int().positive().exactOptional(),
  dropout: z.number().min(0).max(1).exactOptional(),
  se: z.boolean().exactOptional(),
  activation: z.enum(['relu', 'sigmoid']).exactOptional(),
};

/** The model's part of `options`. */
export function modelChoice(options: ModelChoice): ModelChoice {
  const { model } = options;
  const keys = Object.keys(modelOptionsShape) as (keyof typeof modelOptionsShape)[];
  return {
    model,
    ...Object.fromEntries(keys.filter(key => options[key] !== undefined).map(key => [key, options[key]])),
  };
}

/**
 * The architecture that `choice` names, its options checked.
 * @throws UserError for a name or an option that does not exist, or an input that is too small
 */
export function definitionOf({ model, inputSize: size, dropout, se, activation }: ModelChoice): ModelDefinition {
  const definition = modelRegistry[model];
  if (!definition) throw new UserError(`unknown model '${model}'`);
  definition.check({ size, dropout, se, activation });
  return definition;
}

/** Whether pixels go to the network in 0..1, which normalises them as ImageNet's were: three channels, no --mean, no --std. */
export function takesImageNet({ channels }: ModelDefinition, given: { mean?: unknown; std?: unknown }): boolean {
  return channels === 3 && given.mean === undefined && given.std === undefined;
}

/**
 * The network of `choice` for images as `data` has them, with fresh weights from the default generator. Where size or
 * channels differ from the network's own, or where its input is to be normalised as ImageNet, it stands behind a pipeline
 * that resizes, repeats a grey image to three channels and normalises; names of weights stay the same.
 * @throws UserError where the images cannot be made to fit
 */
export function createModel(
  choice: ModelChoice,
  data: Pick<DataSet, 'name' | 'channels' | 'height' | 'width'>,
  classes: number,
  imagenet: boolean,
): Module {
  const definition = definitionOf(choice);
  const { inputSize: size = definition.size, dropout, se, activation } = choice;
  // A colour architecture stays one, so that its published weights fit; the others take what the data has.
  const channels = definition.channels === 3 ? 3 : data.channels;
  if (channels !== data.channels && data.channels !== 1) {
    throw new UserError(`${choice.model} takes images of 1 or ${channels} channels; ${data.name} has ${data.channels}`);
  }
  const model = definition.create({ classes, channels, size, dropout, se, activation });
  const same = data.height === size && data.width === size && data.channels === channels;
  if (same && !imagenet) return model;
  const plain = { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
  const normalise = imagenet ? IMAGENET : channels === data.channels ? undefined : plain;
  return new AdaptedInput(model, { size, normalise });
}

/** Whether training needs two images or more in a batch: one has no variance. */
export function hasBatchNorm(model: Module): boolean {
  return [...model.namedModules()].some(([, module]) => module instanceof BatchNorm);
}
