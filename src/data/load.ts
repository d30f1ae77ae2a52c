import { UserError } from '../util/errors.js';
import { equalizeImages } from './augment/equalize.js';
import { assemble, classCounts, type Labelled } from './assemble.js';
import { removeDamaged } from './cache.js';
import { SPLIT_NAMES, type DataSet } from './dataset.js';
import { foldSplits } from './folds.js';
import type { Format, Plan } from './formats/format.js';
import type { FormatName } from './formats/names.js';
import { findFormat, SUPPORTED } from './formats/registry.js';
import type { LabelledImage } from './labels/image.js';
import { otherDataSetWith } from './labels/known.js';
import { OPTION_FLAGS, type DataOptions, type FormatOption, type LoadOptions } from './options.js';
import { PackDamaged } from './pack.js';
import { imagesOfCsv } from './pixels/csv.js';
import { imagesOfFiles } from './pixels/files.js';
import type { Images } from './pixels/images.js';
import { imageBytesOf, storeOf } from './store.js';
import { syntheticDataSet } from './synthetic/dataset.js';
import { openSource, type Source } from './tree/open.js';

export type { LoadOptions } from './options.js';

/**
 * Loads a data set: `synthetic`, or the path of a file, a folder or an archive, whose format is found by looking at it.
 * Images are decoded once and kept in packed form in the cache folder; a pack that is missing, damaged or of another state
 * of the source is made anew.
 *
 * @throws {UserError} when there is no such source, or it is not what it should be: place and reason
 */
export async function loadDataSet(source: string, { fold, ...options }: LoadOptions = {}): Promise<DataSet> {
  const data = await load(source, options);
  return fold === undefined ? data : foldSplits(data, fold, options.splitSeed);
}

async function load(source: string, options: LoadOptions): Promise<DataSet> {
  const report = options.onProgress ?? (() => undefined);
  if (source === 'synthetic') return loadSynthetic(options);
  const opened = await openSource(source, SUPPORTED, fraction => {
    report(fraction, `looking through ${source}`);
  });
  try {
    const { format, source: inner } = await findFormat(opened, options);
    refuseForeignOptions(format, options);
    const plan = await format.plan(inner, options);
    if (plan.pixels.kind === 'csv') refuseFileOptions(plan, options);
    for (const warning of plan.warnings) options.onWarning?.(warning);
    return await loadPlan(format.name, plan, inner, options);
  } finally {
    await opened.tree.close();
  }
}

/** Loads from the cache; where a pack turns out to be damaged, from one made anew; where that is no use either, without. */
async function loadPlan(format: FormatName, plan: Plan, source: Source, options: LoadOptions): Promise<DataSet> {
  let without: Error | undefined;
  for (let made = 0; ; made++) {
    try {
      return await loadOnce(format, plan, source, options, without);
    } catch (error) {
      if (!(error instanceof PackDamaged)) throw error;
      // A new pack that is damaged at once lies on a disk that will damage the next one, too.
      without = (await removeDamaged(error.path)) ?? (made > 0 ? error : undefined);
    }
  }
}

/** @param without why the cache is left alone */
async function loadOnce(
  format: FormatName,
  plan: Plan,
  source: Source,
  options: LoadOptions,
  without: Error | undefined,
): Promise<DataSet> {
  const { pixels } = plan;
  const decoded =
    pixels.kind === 'csv'
      ? await imagesOfCsv(source, pixels, options, without)
      : await imagesOfFiles(source, pixels, options, without);
  const { store, outcome } = decoded;
  const warn = options.onWarning ?? (() => undefined);
  try {
    const images = usableImages(plan, decoded);
    warnOfOtherDataSet(format, plan, images, source.path, warn);
    const data = await assemble({ ...plan, images }, store, options, warn);
    options.onProgress?.(1, `read ${describe(data)}${outcome}`);
    return data;
  } finally {
    await store.close();
  }
}

/** The plan's images whose pixels are there. */
function usableImages(plan: Plan, { store, slots }: Images): LabelledImage[] {
  const bad = new Set(store.bad.map(({ slot }) => slot));
  const images = plan.images(store);
  const placed = slots ? images.map(image => ({ ...image, slot: slots[image.slot]! })) : images;
  return placed.filter(({ slot }) => !bad.has(slot));
}

function warnOfOtherDataSet(
  format: FormatName,
  { name, classes }: Plan,
  images: readonly LabelledImage[],
  path: string,
  warn: (text: string) => void,
): void {
  for (const counts of classCounts(images, classes.length)) {
    const other = otherDataSetWith(counts, format);
    if (!other) continue;
    warn(
      `${path}: it is read as ${name} (--dataset ${format}), but its class counts are those of ${other.name}, ${other.part}; ` +
        'check that its labels mean what they are taken for',
    );
    return;
  }
}

function refuseForeignOptions(format: Format, options: DataOptions): void {
  for (const [key, flag] of Object.entries(OPTION_FLAGS) as [FormatOption, string][]) {
    if (options[key] === undefined || format.options.includes(key)) continue;
    throw new UserError(`${flag} means nothing for ${format.name} (${format.layout}); leave it out`);
  }
}

/** Of image files alone: whatever else holds pixels has them in one size, and sound or not at all. */
const FILE_FLAGS = { imageSize: '--image-size', maxBad: '--max-bad' } as const;

function refuseFileOptions({ name }: Plan, options: DataOptions): void {
  for (const [key, flag] of Object.entries(FILE_FLAGS) as [keyof typeof FILE_FLAGS, string][]) {
    if (options[key] !== undefined) {
      throw new UserError(`${flag} is of image files, and ${name} is a CSV file of pixels here; leave it out`);
    }
  }
}

async function loadSynthetic(options: LoadOptions): Promise<DataSet> {
  const report = options.onProgress ?? (() => undefined);
  const flags = { ...OPTION_FLAGS, ...FILE_FLAGS, dataset: '--dataset' };
  for (const [key, flag] of Object.entries(flags) as [keyof DataOptions, string][]) {
    if (options[key] !== undefined) throw new UserError(`${flag} means nothing for synthetic faces; leave it out`);
  }
  const drawn = syntheticDataSet(options.seed ?? 0, fraction => {
    report(fraction, 'drawing faces');
  });
  const { mapLabels, classesKeep, perClass, split, equalize, channels } = options;
  if (equalize)
    for (const name of SPLIT_NAMES) equalizeImages(drawn.splits[name].images, imageBytesOf(drawn), drawn.channels);
  const data =
    (mapLabels ?? classesKeep ?? perClass ?? split ?? equalize ?? channels) ? await choose(drawn, options) : drawn;
  report(1, `drew ${describe(data)}`);
  return data;
}

/** What the options make of a data set that is in memory. */
async function choose(data: DataSet, options: LoadOptions): Promise<DataSet> {
  const store = storeOf(data);
  const images = store.names.map((_, slot) => ({ slot, label: store.labels[slot]!, split: store.splits[slot]! }));
  const labelled: Labelled = { name: data.name, classes: data.classes, ownClasses: true, images };
  return assemble(labelled, store, options, options.onWarning ?? (() => undefined));
}

function describe({ splits }: DataSet): string {
  const images = SPLIT_NAMES.reduce((sum, name) => sum + splits[name].count, 0);
  return `${images.toLocaleString('en')} images`;
}
