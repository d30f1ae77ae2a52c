import type { LabelledImage } from '../labels/image.js';
import type { DataOptions, FormatOption } from '../options.js';
import type { ImageStore } from '../store.js';
import type { Place } from '../tree/place.js';
import type { Source } from '../tree/open.js';
import type { TreeFile } from '../tree/tree.js';
import type { FormatName } from './names.js';

/** A layout of data sets on users' disks. */
export interface Format {
  readonly name: FormatName;
  /** What it looks like, for messages. */
  readonly layout: string;
  /** The options that only some formats have, of those that this one takes. */
  readonly options: readonly FormatOption[];
  /** Whether a source has this layout. Looks at names and first lines, and does not judge whether all is well. */
  matches(source: Source, options: DataOptions): boolean | Promise<boolean>;
  /** @throws {UserError} where the source does not have this layout after all, or something in it is wrong */
  plan(source: Source, options: DataOptions): Plan | Promise<Plan>;
}

/** What is in a source: where its pixels are, and what each image is labelled as. */
export interface Plan {
  /** What people call the data set. */
  readonly name: string;
  readonly classes: readonly string[];
  /** How labels came about, where there was a choice. */
  readonly labelling?: string;
  /** See `DataSet.drawsTargets`. */
  readonly drawsTargets?: boolean;
  readonly pixels: ImageFiles | PixelCsv;
  /** The labelled images, given the store that holds their pixels. */
  images(store: ImageStore): LabelledImage[];
  /** The source says what the classes are, so that one without images is a mistake; else it is merely unusual. */
  readonly ownClasses: boolean;
  /** The source has splits, but none for validation: it is drawn from the training images. */
  readonly drawValidation?: boolean;
  /** What is odd about the source, but no reason to stop. */
  readonly warnings: readonly string[];
}

/** Image files; the i-th goes to slot i. */
export interface ImageFiles {
  readonly kind: 'images';
  readonly files: readonly TreeFile[];
}

/** A FER-2013 CSV file, which holds pixels, labels and splits. */
export interface PixelCsv {
  readonly kind: 'csv';
  readonly place: Place;
  readonly file: TreeFile;
}
