import { testSteps } from '../data/augment/plan.js';
import { normalisesAsImageNet, type Trained } from '../evaluate/trained.js';
import { IMAGENET, init, type Module } from '../nn/index.js';
import { definitionOf } from '../train/model.js';
import { UserError } from '../util/errors.js';

/** What is told of a network besides its weights. */
export interface Given {
  /** How many classes the weights tell apart, or their names. */
  readonly classes?: number | readonly string[] | undefined;
  /** On pixels in 0..1, a number for each channel. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
}

/** A trained network as it is to be used outside facegrad. */
export interface Network {
  /** The network itself, behind no pipeline, with its weights; on the default device. The caller disposes of it. */
  readonly model: Module;
  /** What it takes: normalised images (N,channels,size,size). */
  readonly channels: number;
  readonly size: number;
  /** Channels of the images that it was trained on: 1 where it repeats them. */
  readonly imageChannels: number;
  /** By channel of the network, on pixels in 0..1; undefined where nobody knows. */
  readonly normalise: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
  /** Names of the classes, where they are known. */
  readonly classes: readonly string[] | undefined;
  /** What was done to images besides, in words, each a sentence's end: 'images were …'. */
  readonly alsoDone: readonly string[];
}

/**
 * Builds the network of `trained` on the default device.
 * @throws UserError where weights, network, classes and normalisation do not fit together
 */
export function networkOf(trained: Trained, given: Given): Network {
  const definition = definitionOf(trained.model);
  const { inputSize: size = definition.size, dropout, se, activation } = trained.model;
  const { mean = trained.known?.mean, std = trained.known?.std } = given;
  const imageChannels = mean?.length ?? definition.channels;
  // As `createModel` has it: a colour architecture stays one.
  const channels = definition.channels === 3 ? 3 : imageChannels;
  const names = typeof given.classes === 'object' ? given.classes : trained.known?.classes;
  if (mean?.length !== std?.length || (imageChannels !== channels && imageChannels !== 1)) {
    throw new UserError(
      `${trained.model.model} takes ${channels} channels: give as many --mean and --std, or one each`,
    );
  }
  const build = (classes: number) =>
    init.withoutValues(() => definition.create({ classes, channels, size, dropout, se, activation }));
  const count = typeof given.classes === 'number' ? given.classes : (names?.length ?? classesOf(trained, build));
  if (names && names.length !== count) {
    throw new UserError(`--classes says ${count}; ${trained.file} tells ${names.length} apart: ${names.join(', ')}`);
  }
  const model = build(count);
  try {
    model.loadStateDict(trained.state);
  } catch (error) {
    model.dispose();
    throw error instanceof UserError ? new UserError(`${trained.file}: ${error.message}`) : error;
  }
  const imagenet = normalisesAsImageNet(trained, given);
  const normalise = imagenet ? IMAGENET : mean && std && { mean: spread(mean), std: spread(std) };
  return { model, channels, size, imageChannels, normalise, classes: names, alsoDone: alsoDone(trained) };

  /** A value for each channel of the network, of which a grey image's only channel becomes. */
  function spread(values: readonly number[]): number[] {
    return Array.from({ length: channels }, (_, c) => values[c] ?? values[0]!);
  }
}

/** How many classes weights tell apart: the length of the last layer's bias. */
function classesOf({ file, state, model }: Trained, build: (classes: number) => Module): number {
  const untold = build(definitionOf(model).classes);
  const [head] = untold.stateShapes().at(-1)!;
  untold.dispose();
  const classes = state.get(head)?.shape[0];
  if (classes === undefined) throw new UserError(`${file} has no ${head}: these are not weights of ${model.model}`);
  return classes;
}

function alsoDone({ equalize, augment }: Trained): string[] {
  const steps = augment ? testSteps(augment).map(({ name }) => name) : [];
  return [
    ...(equalize ? ['their histograms equalised'] : []),
    ...(steps.length > 0 ? [`${steps.join(', then ')} done to them in tests`] : []),
  ];
}
