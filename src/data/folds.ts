import { UserError } from '../util/errors.js';
import { RandomStream } from '../util/random.js';
import { selectImages, type DataSet, type Split } from './dataset.js';
import { fingerprintOf } from './fingerprint.js';
import { DATA_STREAM } from './streams.js';

/** One of the parts into which k-fold cross-validation cuts the images that are not for tests. */
export interface Fold {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

/**
 * `data` with one fold of its training and validation images together for validation, and all others for training. The test
 * split stays as it is: no fold trains on it or chooses an epoch by it. Folds are stratified: their sizes differ by one image
 * at most, and so do their numbers of images of each class. Which images they hold depends on labels, order and `seed` alone,
 * not on the size in which images are packed.
 *
 * @throws {UserError} where there are fewer images than folds
 */
export function foldSplits(data: DataSet, fold: Fold, seed = 0): DataSet {
  const { train, val, test } = data.splits;
  if (train.sources) throw new UserError('--folds goes without joint data, which would be validated on');
  const folds = foldsOf([...train.labels, ...val.labels], data.classes.length, fold.of, seed, data.name);
  const part = (held: boolean) => {
    const from = (split: Split, start: number) => {
      const indices = Uint32Array.from({ length: split.count }, (_, i) => i);
      return selectImages(
        split,
        indices.filter(i => (folds[start + i] === fold.index) === held),
      );
    };
    return joined(from(train, 0), val.count > 0 ? from(val, train.count) : undefined);
  };
  const note = `fold ${fold.index} of ${fold.of} is validation, drawn with seed ${seed}`;
  const content = {
    ...data,
    splits: { train: part(false), val: part(true), test },
    labelling: data.labelling === undefined ? note : `${data.labelling}; ${note}`,
  };
  return { ...content, fingerprint: fingerprintOf(content) };
}

/** The fold, from 1, of each image. */
function foldsOf(
  labels: readonly number[],
  classes: number,
  of: number,
  seed: number,
  name: string,
): Uint16Array<ArrayBuffer> {
  if (labels.length < of) {
    throw new UserError(`${name} has ${labels.length} training and validation images, too few for ${of} folds`);
  }
  const folds = new Uint16Array(labels.length);
  let dealt = 0;
  for (let k = 0; k < classes; k++) {
    const members = labels.flatMap((label, i) => (label === k ? [i] : []));
    // Dealt like cards, each class from where the one before ended: the folds then differ by one image in all.
    for (const place of new RandomStream(seed, DATA_STREAM.fold, k).permutation(members.length)) {
      folds[members[place]!] = (dealt++ % of) + 1;
    }
  }
  return folds;
}

/** The images of one split, then those of the other. */
function joined(first: Split, second: Split | undefined): Split {
  if (!second || second.count === 0) return first;
  const targets = first.targets && second.targets;
  const names = first.names && second.names;
  return {
    count: first.count + second.count,
    images: concatenated(Uint8Array, first.images, second.images),
    labels: concatenated(Uint8Array, first.labels, second.labels),
    ...(targets ? { targets: concatenated(Float32Array, first.targets, second.targets) } : {}),
    ...(names ? { names: [...first.names, ...second.names] } : {}),
  };
}

function concatenated<T extends Uint8Array | Float32Array>(kind: new (length: number) => T, first: T, second: T): T {
  const all = new kind(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** What to say of classes that have too few images to be in every fold, if anything. */
export function foldWarning({ classes, splits }: DataSet, of: number): string | undefined {
  const counts = classes.map(() => 0);
  for (const { labels } of [splits.train, splits.val]) for (const label of labels) counts[label]!++;
  const rare = classes.filter((_, k) => counts[k]! > 0 && counts[k]! < of);
  if (rare.length === 0) return undefined;
  return `${rare.join(', ')}: fewer images than the ${of} folds, so that some folds validate without them`;
}
