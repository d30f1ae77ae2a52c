import { dataOptionsOf, type LoadOptions } from '../data/options.js';
import { definitionOf } from './model.js';
import type { TrainOptions } from './types.js';

/** More than the input size of a network, so that an augmentation has something to cut from: 48 for crops of 40. */
const AUGMENTED = 1.2;

/** The size in which image files are packed for a network that takes `inputSize`. */
export function packSize(inputSize: number, augmented: boolean): number {
  return augmented ? Math.ceil(AUGMENTED * inputSize) : inputSize;
}

/** How the data of a run are loaded; `data` and `exclude` are separate. */
export function loadOptionsOf(options: TrainOptions): LoadOptions {
  const size = options.inputSize ?? definitionOf(options).size;
  return { ...dataOptionsOf(options), inputSize: packSize(size, options.augment !== undefined) };
}

/** The same for runs whose data are loaded alike, but for their folds. */
export function dataKey(options: TrainOptions): string {
  return JSON.stringify([options.data, options.exclude, loadOptionsOf(options), options.joint]);
}
