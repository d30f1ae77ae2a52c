import * as z from 'zod';
import { FORMAT_NAMES } from './formats/names.js';
import { LABEL_RULES } from './labels/ferplus.js';

/** The options that say which images of a source are used, and as what; stored in a run's `config.json`. */
export const dataOptionsShape = {
  /** Name of the format; by default it is found by looking at the source. */
  dataset: z.enum(FORMAT_NAMES).exactOptional(),
  /** FER+'s votes, where they stand elsewhere than beside the pixels. */
  labels: z.string().min(1).exactOptional(),
  labelRule: z.enum(LABEL_RULES).exactOptional(),
  labelSource: z.enum(['csv', 'folder']).exactOptional(),
  /** AffectNet-HQ: images whose confidence is lower are left out. */
  minRelfcs: z.number().exactOptional(),
  /** Shares of train, val and test; replaces the splits that the source has. */
  split: z.tuple([z.number(), z.number(), z.number()]).exactOptional(),
  /** Of the splits and folds that are drawn, and of `perClass`. 0 by default, so that runs of different seeds share their splits. */
  splitSeed: z.int().nonnegative().exactOptional(),
  /** Name of a label space, or pairs such as `happiness=happy,contempt=-`. */
  mapLabels: z.string().min(1).exactOptional(),
  classesKeep: z.array(z.string().min(1)).min(2).exactOptional(),
  perClass: z.int().positive().exactOptional(),
  /** Per cent of the images that may be damaged. */
  maxBad: z.number().min(0).max(100).exactOptional(),
  /** 1 for grey, 3 for colour. */
  channels: z.union([z.literal(1), z.literal(3)]).exactOptional(),
  /** Side in which larger image files are packed. */
  imageSize: z.int().positive().exactOptional(),
  /** Histograms are equalised, each channel by itself, in the form in which images are packed. */
  equalize: z.literal(true).exactOptional(),
  /** Which part of the training and validation images is for validation (folds.ts). */
  fold: z
    .strictObject({ index: z.int().positive(), of: z.int().min(2).max(1000) })
    .refine(({ index, of }) => index <= of, 'its index goes from 1 to the number of folds')
    .exactOptional(),
};

export type DataOptions = z.infer<z.ZodObject<typeof dataOptionsShape>>;

/** Images that have been read or decoded, of so many where that is known. */
export interface ImageCount {
  readonly done: number;
  readonly total?: number;
}

/** What `loadDataSet` may be told: which images, where packs are kept, and who hears of progress. */
export interface LoadOptions extends DataOptions {
  /** Where packed data sets are kept. By default FACEGRAD_CACHE, else the user's cache folder. */
  cacheFolder?: string;
  /** The packed data set is what is wanted: loading fails where none can be kept, instead of going on in memory. */
  mustCache?: boolean;
  /** Told what is being done, how far it is, from 0 to 1, and how many images that are. */
  onProgress?: (fraction: number, text: string, images?: ImageCount) => void;
  /** Told what is odd about the data, but no reason to stop. */
  onWarning?: (text: string) => void;
  /** Which faces are drawn for `synthetic`; files do not depend on it. 0 by default. */
  seed?: number;
  /** What `imageSize` is where it is not given. 224 by default. */
  inputSize?: number;
}

/** The data options among `options`. */
export function dataOptionsOf(options: DataOptions): DataOptions {
  const keys = Object.keys(dataOptionsShape) as (keyof DataOptions)[];
  return Object.fromEntries(keys.filter(key => options[key] !== undefined).map(key => [key, options[key]]));
}

/** What the options of a format are called on the command line. */
export const OPTION_FLAGS = {
  labels: '--labels',
  labelRule: '--label-rule',
  labelSource: '--label-source',
  minRelfcs: '--min-relfcs',
} as const;

export type FormatOption = keyof typeof OPTION_FLAGS;
