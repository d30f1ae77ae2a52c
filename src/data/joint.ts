import { UserError } from '../util/errors.js';
import { alignClasses } from './align.js';
import { titleOf, type DataSet, type Split } from './dataset.js';
import { resizeImage } from './decode/resize.js';
import { fingerprintOf } from './fingerprint.js';

/**
 * A data set whose training images are those of `data`, then those of `other`, in the size, channels and classes of `data`;
 * `sources` tells them apart. Validation and test images are those of `data`.
 *
 * @throws {UserError} where classes have no counterpart, and where colour images would become grey
 */
export function joinDataSets(data: DataSet, other: DataSet): DataSet {
  const { train } = data.splits;
  const aligned = alignClasses(other, data.classes, titleOf(data));
  const added = aligned.splits.train;
  for (const { name, splits } of [data, other]) {
    if (splits.train.count === 0) throw new UserError(`${name} has no training images to train on jointly`);
  }
  const images = imagesInFormOf(data, aligned);
  const targets = joinTargets(data, aligned);
  const joined: Split = {
    count: train.count + added.count,
    images: concatBytes(train.images, images),
    labels: concatBytes(train.labels, added.labels),
    ...(targets ? { targets } : {}),
    ...(train.names && added.names ? { names: [...train.names, ...added.names] } : {}),
    sources: concatBytes(new Uint8Array(train.count), new Uint8Array(added.count).fill(1)),
  };
  const drawsTargets = data.drawsTargets ?? aligned.drawsTargets;
  const note = `trained jointly with ${titleOf(other)}`;
  const content = {
    ...data,
    ...(drawsTargets ? { drawsTargets } : {}),
    labelling: data.labelling === undefined ? note : `${data.labelling}; ${note}`,
    splits: { ...data.splits, train: joined },
  };
  return { ...content, fingerprint: fingerprintOf(content) };
}

/** The training images of `other` in the size and channels of `data`. */
function imagesInFormOf({ name, height, width, channels }: DataSet, other: DataSet): Uint8Array {
  const { count, images } = other.splits.train;
  if (other.height === height && other.width === width && other.channels === channels) return images;
  if (other.channels > channels) {
    throw new UserError(
      `${other.name} has images of ${other.channels} channels, ${name} of ${channels}: --channels ${other.channels} takes both alike`,
    );
  }
  if (height !== width && (other.height !== height || other.width !== width)) {
    throw new UserError(
      `${other.name} cannot be brought to ${name}'s images of ${width}x${height}: they are not square`,
    );
  }
  const size = other.height * other.width * other.channels;
  const repeat = channels / other.channels;
  const out = new Uint8Array(count * height * width * channels);
  for (let n = 0; n < count; n++) {
    const resized = resizeImage(images.subarray(n * size, (n + 1) * size), other, height);
    const place = out.subarray(n * height * width * channels, (n + 1) * height * width * channels);
    if (repeat === 1) place.set(resized);
    else for (let i = 0; i < place.length; i++) place[i] = resized[Math.floor(i / repeat)]!;
  }
  return out;
}

/** Soft targets of both, where one has them; labels of the other count as certain. */
function joinTargets(data: DataSet, other: DataSet): Float32Array | undefined {
  const splits = [data.splits.train, other.splits.train];
  if (splits.every(({ targets }) => targets === undefined)) return undefined;
  if (splits.every(({ targets }) => targets) && data.drawsTargets !== other.drawsTargets) {
    throw new UserError(
      `${data.name} and ${other.name} treat soft labels differently: give both --label-rule distribution, or both sampled`,
    );
  }
  const classes = data.classes.length;
  const rows = splits.map(({ targets, labels }) => targets ?? certain(labels, classes));
  const out = new Float32Array(rows[0]!.length + rows[1]!.length);
  out.set(rows[0]!);
  out.set(rows[1]!, rows[0]!.length);
  return out;
}

function certain(labels: Uint8Array, classes: number): Float32Array {
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => (targets[n * classes + label] = 1));
  return targets;
}

function concatBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const out = new Uint8Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}
