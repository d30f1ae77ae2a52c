import { createHash } from 'node:crypto';
import { SPLIT_NAMES, type DataSet } from './dataset.js';

/** `DataSet.fingerprint` of everything else in a data set but its name: 64 hexadecimal digits (SHA-256). */
export function fingerprintOf(data: Omit<DataSet, 'fingerprint' | 'name'>): string {
  const { classes, channels, height, width, splits, labelling, drawsTargets } = data;
  const counts = SPLIT_NAMES.map(name => splits[name].count);
  // `labelling` and `drawsTargets` leave no trace in the text where they are absent.
  const head = JSON.stringify({ classes, channels, height, width, counts, labelling, drawsTargets });
  const hash = createHash('sha256').update(head);
  for (const name of SPLIT_NAMES) {
    const { labels, images, targets } = splits[name];
    hash.update(labels).update(images);
    if (targets) hash.update(targets);
  }
  return hash.digest('hex');
}

/**
 * Tells which images stand where, and as what, whatever their size and channels: 64 hexadecimal digits of classes, labels and
 * names. The fingerprint itself where images have no names.
 */
export function rowsFingerprintOf({ classes, splits, fingerprint }: DataSet): string {
  const rows = SPLIT_NAMES.map(name => splits[name]);
  if (rows.some(({ count, names }) => count > 0 && names === undefined)) return fingerprint;
  const hash = createHash('sha256').update(JSON.stringify([classes, rows.map(({ names = [] }) => names)]));
  for (const { labels } of rows) hash.update(labels);
  return hash.digest('hex');
}
