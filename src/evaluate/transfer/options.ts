import { resolve } from 'node:path';
import { alignClasses, classMeaning, labelSpaceOf } from '../../data/align.js';
import { titleOf, type DataSet } from '../../data/dataset.js';
import { dataOptionsOf } from '../../data/options.js';
import { definitionOf, modelChoice } from '../../train/model.js';
import { newOptions } from '../../train/new-options.js';
import type { TrainOptions } from '../../train/types.js';
import { loadOptionsFor, type Trained } from '../trained.js';

/** What fine-tuning takes where nothing is given: a tenth of the rate of a fresh network. */
export const transferDefaults = { epochs: 10, lr: 1e-4, optimizer: 'adam' } as const;

/**
 * The options of the run that fine-tunes the network of a run on other data: the network, how its images are made and
 * normalised, augmentation, batch size and precision are its own; `given` goes first.
 *
 * @param joint share of the images of each batch that are drawn from the data that the network was trained on
 * @param oldData where those are now
 * @throws UserError where options do not go together
 */
export function transferOptions(
  from: Trained & { readonly run: NonNullable<Trained['run']> },
  given: Partial<TrainOptions> & Pick<TrainOptions, 'data'>,
  joint?: number,
  oldData = from.run.config.options.data,
): TrainOptions {
  const { config, path } = from.run;
  const { augment, batchSize, precision, exclude } = config.options;
  const { channels, equalize } = loadOptionsFor(from);
  const colour = definitionOf(from.model).channels === 3 && config.imagenet === true;
  return newOptions({
    ...transferDefaults,
    batchSize,
    ...(augment ? { augment } : {}),
    ...(precision ? { precision } : {}),
    ...(channels ? { channels } : {}),
    ...(equalize ? { equalize } : {}),
    // A network that normalises its images itself goes on doing so.
    ...(colour ? {} : { mean: config.mean, std: config.std }),
    ...(joint === undefined
      ? {}
      : { joint: { data: oldData, share: joint, ...(exclude ? { exclude } : {}), ...dataOptionsOf(config.options) } }),
    ...given,
    ...modelChoice(config.options),
    init: resolve(path),
  });
}

/**
 * What `--map-labels` has to be for `data` to have the classes that a network knows; undefined where it has them already, by
 * these or by other usual words.
 *
 * @throws UserError where classes have no counterpart, with what to write
 */
export function neededLabelMap(data: DataSet, classes: readonly string[], of: string): string | undefined {
  const { classes: own } = data;
  if (own.length === classes.length && own.every((name, i) => name === classes[i])) return undefined;
  const space = labelSpaceOf(classes);
  if (space !== undefined && own.every(name => classMeaning(name, classes) >= 0)) return space;
  alignClasses({ ...data, name: titleOf(data) }, classes, of);
  return undefined;
}
