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
