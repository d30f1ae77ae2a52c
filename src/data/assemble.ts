import { UserError } from '../util/errors.js';
import { SPLIT_NAMES, type DataSet, type Split, type SplitName } from './dataset.js';
import { fingerprintOf } from './fingerprint.js';
import type { LabelledImage } from './labels/image.js';
import { keepClasses, mapLabels, parseLabelMap, type LabelMap } from './labels/map.js';
import { DEFAULT_SHARES, drawSplits, drawValidation, limitClasses } from './labels/split.js';
import type { DataOptions } from './options.js';
import { formOf, imageBytesOf, type ImageForm, type ImageStore } from './store.js';

/** The largest array of bytes that every JavaScript engine of interest makes. */
const MOST_BYTES = 2 ** 32 - 2 ** 20;

/** What is known of a source's images before options choose among them. */
export interface Labelled {
  readonly name: string;
  readonly classes: readonly string[];
  readonly labelling?: string;
  readonly drawsTargets?: boolean;
  readonly drawValidation?: boolean;
  /** A class without training images is a mistake, rather than merely unusual. */
  readonly ownClasses: boolean;
  readonly images: readonly LabelledImage[];
}

/**
 * The data set that `options` make of labelled images: classes are mapped, then chosen, then limited, then splits are drawn
 * where there are none or others are asked for.
 *
 * @throws {UserError} where a class or a split comes out empty
 */
export async function assemble(
  labelled: Labelled,
  store: ImageStore,
  options: DataOptions,
  onWarning: (text: string) => void,
): Promise<DataSet> {
  const { classes, images, notes, origins } = chooseClasses(labelled, options);
  const placed = placeImages(images, labelled, options, notes);
  checkSplits(labelled, placed, classes, origins, onWarning);
  if (options.equalize) notes.push('histograms equalised');

  const form = { ...formOf(store), channels: options.channels ?? store.channels };
  const splitOf = (name: SplitName) =>
    gather(
      store,
      form,
      placed.filter(({ split }) => split === name),
      classes.length,
    );
  const splits = { train: await splitOf('train'), val: await splitOf('val'), test: await splitOf('test') };
  const labelling = [...(labelled.labelling === undefined ? [] : [labelled.labelling]), ...notes].join('; ');
  const content = {
    ...{ classes, ...form, splits },
    ...(labelling === '' ? {} : { labelling }),
    ...(labelled.drawsTargets ? { drawsTargets: true } : {}),
  };
  return { name: labelled.name, ...content, fingerprint: fingerprintOf(content) };
}

/** Images under `--map-labels` and `--classes-keep`; `origins` tells of each class whether a class of the source became it. */
function chooseClasses({ classes, images }: Labelled, { mapLabels: mapped, classesKeep }: DataOptions) {
  const notes: string[] = [];
  let chosen = { classes, images, origins: classes.map(() => true) };
  const apply = (map: LabelMap) => {
    const origins = map.classes.map((_, id) => map.to.some((to, from) => to === id && chosen.origins[from]));
    chosen = { classes: map.classes, images: mapLabels(chosen.images, map), origins };
  };
  if (mapped !== undefined) {
    apply(parseLabelMap(mapped, chosen.classes));
    notes.push(`mapped to ${mapped}`);
  }
  if (classesKeep !== undefined) {
    apply(keepClasses(classesKeep, chosen.classes));
    notes.push(`classes ${chosen.classes.join(', ')} only`);
  }
  return { ...chosen, notes };
}

/** Images with their splits, under `--per-class` and `--split`. */
function placeImages(
  images: readonly LabelledImage[],
  labelled: Labelled,
  { perClass, split, splitSeed = 0 }: DataOptions,
  notes: string[],
): readonly LabelledImage[] {
  const hasSplits = images.some(image => image.split !== undefined);
  let placed =
    split === undefined
      ? images
      : images.map(({ slot, label, target }) => ({ slot, label, ...(target ? { target } : {}) }));
  if (perClass !== undefined) {
    placed = limitClasses(placed, perClass, splitSeed);
    notes.push(`at most ${perClass} of a class${hasSplits && !split ? ' in each split' : ''}, seed ${splitSeed}`);
  }
  if (split !== undefined || !hasSplits) {
    const shares = split ?? DEFAULT_SHARES;
    notes.push(`splits ${shares.join('/')} drawn with seed ${splitSeed}`);
    return drawSplits(placed, shares, splitSeed);
  }
  if (!labelled.drawValidation) return placed;
  const share = DEFAULT_SHARES[1] / (DEFAULT_SHARES[0] + DEFAULT_SHARES[1]);
  notes.push(`${100 * share} % of training drawn for validation with seed ${splitSeed}`);
  return drawValidation(placed, share, splitSeed);
}

function checkSplits(
  { name, ownClasses }: Labelled,
  images: readonly LabelledImage[],
  classes: readonly string[],
  origins: readonly boolean[],
  onWarning: (text: string) => void,
): void {
  const training = images.filter(({ split }) => split === 'train');
  if (training.length === 0) throw new UserError(`${name}: the training split has no images`);
  const counts = classes.map(() => 0);
  for (const { label } of training) counts[label]!++;
  const empty = classes.filter((_, id) => counts[id] === 0);
  const mistaken = classes.filter((_, id) => counts[id] === 0 && origins[id]);
  if (ownClasses && mistaken.length > 0) {
    throw new UserError(
      `${name}: no training image is labelled ${mistaken.join(', ')}; ` +
        'leave such a class out with --classes-keep, or remove its folder',
    );
  }
  if (empty.length > 0) onWarning(`${name}: no training image is labelled ${empty.join(', ')}`);
}

async function gather(
  store: ImageStore,
  form: ImageForm,
  images: readonly LabelledImage[],
  classes: number,
): Promise<Split> {
  const count = images.length;
  const bytes = count * imageBytesOf(form);
  if (bytes > MOST_BYTES) {
    const each = `${form.width} x ${form.height} x ${form.channels}`;
    throw new UserError(
      `${count} images of ${each} are more than one array can hold: choose a smaller --image-size, or fewer with --per-class`,
    );
  }
  const slots = Uint32Array.from(images, ({ slot }) => slot);
  const pixels = new Uint8Array(bytes);
  await store.read(slots, pixels);
  // Only a CSV file's grey images come otherwise than asked for: each value is written as many times as there are channels.
  if (form.channels > store.channels) repeatChannels(pixels, form.channels);
  const targets = images.some(({ target }) => target) ? new Float32Array(count * classes) : undefined;
  if (targets)
    images.forEach(({ target }, i) => {
      targets.set(target!, i * classes);
    });
  return {
    count,
    images: pixels,
    labels: Uint8Array.from(images, ({ label }) => label),
    ...(targets ? { targets } : {}),
    names: images.map(({ slot }) => store.names[slot]!),
  };
}

/** Spreads grey values at the front of `pixels` over all of it, last one first, so that none is overwritten before its turn. */
function repeatChannels(pixels: Uint8Array, channels: number): void {
  for (let i = pixels.length / channels - 1; i >= 0; i--) pixels.fill(pixels[i]!, i * channels, (i + 1) * channels);
}

/** Images of each class in the splits and in all of them, of those that have images. */
export function classCounts(images: readonly LabelledImage[], classes: number): number[][] {
  const groups = [images, ...SPLIT_NAMES.map(name => images.filter(({ split }) => split === name))];
  return groups
    .filter(group => group.length > 0)
    .map(group => {
      const counts = new Array<number>(classes).fill(0);
      for (const { label } of group) counts[label]!++;
      return counts;
    });
}
