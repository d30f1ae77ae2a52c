import { createHash } from 'node:crypto';
import { SPLIT_NAMES, type DataSet } from './dataset.js';

/** `DataSet.fingerprint` of everything else in a data set but its name: 64 hexadecimal digits (SHA-256). */
export function fingerprintOf(data: Omit<DataSet, 'fingerprint' | 'name'>): string {
  const { classes, channels, height, width, splits } = data;
  const counts = SPLIT_NAMES.map(name => splits[name].count);
  const hash = createHash('sha256').update(JSON.stringify({ classes, channels, height, width, counts }));
  for (const name of SPLIT_NAMES) hash.update(splits[name].labels).update(splits[name].images);
  return hash.digest('hex');
}
