import { createHash } from 'node:crypto';
import { SPLIT_NAMES, type DataSet, type SplitName } from '../dataset.js';
import { Components } from './components.js';
import { closePairs, MOST_DISTANCE } from './hash-index.js';
import { perceptualHashes } from './hash.js';
import { AllImages, type Place } from './images.js';
import { correlation, deviation } from './similarity.js';

/**
 * Two images are near duplicates when their perceptual hashes (63 bits, hash.ts) differ in at most `distance` bits and
 * the correlation of their grey pixels is at least `correlation`. Images of 96 pixels a side and more are averaged over
 * blocks before (images.ts). The hash makes the search quick; the correlation decides.
 */
export interface AuditOptions {
  /** Whether near duplicates are looked for. */
  near: boolean;
  /** Bits, from 0 to MOST_DISTANCE (hash-index.ts). */
  distance: number;
  correlation: number;
  /** An image is blank when the standard deviation of its bytes is below this many grey levels of 255. */
  blank: number;
  onProgress?: (fraction: number, text: string) => void;
}

/**
 * Measured on FER-2013. Precision: of 64 pairs drawn evenly from each band of correlation, about 4 showed different
 * faces between 0.88 and 0.90, one or two between 0.90 and 0.92, none above. Recall: of all pairs of 9,000 images, 192
 * that are not identical correlate by 0.9 or more; 149 of them differ in no more than 7 bits, 184 in no more than 11.
 * The lowest deviations are 0, 0.6, 4.1 and 4.5 (pictures of nothing), then 6.8 and more (outlines, then faces in fog).
 */
export const auditDefaults = { near: true, distance: MOST_DISTANCE, correlation: 0.9, blank: 5 } as const;

export interface Member extends Place {
  /** Correlation with the first member of the group; 1 for identical images. */
  readonly similarity: number;
}

/** Images that show the same, in the order of splits and indices. */
export interface Group {
  readonly members: readonly Member[];
  /** How many of them differ in at least one byte. */
  readonly distinct: number;
  /** In which splits they stand. */
  readonly splits: readonly SplitName[];
  /** Whether their labels differ. */
  readonly conflict: boolean;
}

export interface Audit {
  /** Groups of images that are the same in every byte. */
  readonly identical: readonly Group[];
  /** Groups in which each image is a near duplicate of at least one other, copies of all of them included. */
  readonly near: readonly Group[];
  readonly blank: readonly (Place & { readonly deviation: number })[];
}

/** Looks for identical images, near duplicates and blank images, within splits and across them. */
export function auditDataSet(data: DataSet, options: AuditOptions): Audit {
  const report = options.onProgress ?? (() => undefined);
  const images = new AllImages(data);
  const copies = new Components(images.count);
  const blank: (Place & { deviation: number })[] = [];
  const isBlank = new Uint8Array(images.count);
  const firstOf = new Map<string, number>();
  for (let i = 0; i < images.count; i++) {
    const pixels = images.pixels(i);
    const spread = deviation(pixels);
    if (spread < options.blank) {
      blank.push({ ...images.placeOf(i), deviation: spread });
      isBlank[i] = 1;
    }
    const digest = createHash('sha256').update(pixels).digest('base64');
    const first = firstOf.get(digest);
    if (first === undefined) firstOf.set(digest, i);
    else copies.join(first, i);
    if (i % 1024 === 0) report((0.3 * i) / images.count, 'comparing images');
  }

  const similar = new Components(images.count);
  if (options.near) {
    // One of each set of copies is enough to look at, and what is blank resembles every other blank image.
    const distinct = [...firstOf.values()].filter(i => !isBlank[i]);
    joinNear(images, distinct, similar, options);
    for (let i = 0; i < images.count; i++) similar.join(copies.find(i), i);
  }
  report(1, 'comparing images');
  return {
    identical: copies.groups().map(members => groupOf(images, members, () => 1, 1)),
    near: similar
      .groups()
      .map(members => ({ members, distinct: new Set(members.map(i => copies.find(i))).size }))
      .filter(({ distinct }) => distinct > 1)
      .map(({ members, distinct }) => groupOf(images, members, similarityTo(images, members[0]!), distinct)),
    blank,
  };
}

/** Joins those of `chosen` that are near duplicates of each other. */
function joinNear(
  images: AllImages,
  chosen: readonly number[],
  similar: Components,
  { distance, correlation: least, onProgress = () => undefined }: AuditOptions,
): void {
  const { height, width } = images.thumbnail;
  const size = height * width;
  const grey = new Uint8Array(chosen.length * size);
  const greyOf = (k: number) => grey.subarray(k * size, (k + 1) * size);
  chosen.forEach((i, k) => {
    images.drawThumbnail(i, greyOf(k));
  });
  const hashes = perceptualHashes(grey, height, width, fraction => {
    onProgress(0.3 + 0.5 * fraction, 'hashing images');
  });
  closePairs(
    hashes,
    distance,
    (a, b) => {
      const [i, j] = [chosen[a]!, chosen[b]!];
      // Frames of a film are near by the thousand: what hangs together already needs no second proof.
      if (similar.find(i) !== similar.find(j) && correlation(greyOf(a), greyOf(b)) >= least) similar.join(i, j);
    },
    fraction => {
      onProgress(0.8 + 0.2 * fraction, 'looking for near duplicates');
    },
  );
}

function similarityTo(images: AllImages, first: number): (i: number) => number {
  const { height, width } = images.thumbnail;
  const reference = new Uint8Array(height * width);
  const other = new Uint8Array(height * width);
  images.drawThumbnail(first, reference);
  return i => {
    images.drawThumbnail(i, other);
    return i === first ? 1 : correlation(reference, other);
  };
}

function groupOf(
  images: AllImages,
  indices: readonly number[],
  similarity: (i: number) => number,
  distinct: number,
): Group {
  const members = indices.map(i => ({ ...images.placeOf(i), similarity: similarity(i) }));
  return {
    members,
    distinct,
    splits: SPLIT_NAMES.filter(name => members.some(({ split }) => split === name)),
    conflict: new Set(members.map(({ label }) => label)).size > 1,
  };
}
