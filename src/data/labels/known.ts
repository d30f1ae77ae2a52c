import type { FormatName } from '../formats/names.js';

/** Class counts of published data sets, in the order of their ids. */
const KNOWN: readonly { name: string; formats: readonly FormatName[]; part: string; counts: readonly number[] }[] = [
  {
    name: 'FER-2013',
    formats: ['fer2013', 'fer2013-folders'],
    part: 'all of it',
    counts: [4953, 547, 5121, 8989, 6077, 4002, 6198],
  },
  {
    name: 'FER-2013',
    formats: ['fer2013', 'fer2013-folders'],
    part: 'its training split',
    counts: [3995, 436, 4097, 7215, 4830, 3171, 4965],
  },
  {
    name: 'FER-2013',
    formats: ['fer2013', 'fer2013-folders'],
    part: 'its two test splits together',
    counts: [958, 111, 1024, 1774, 1247, 831, 1233],
  },
  {
    name: 'RAF-DB',
    formats: ['raf-db'],
    part: 'its training split',
    counts: [1290, 281, 717, 4772, 1982, 705, 2524],
  },
  { name: 'RAF-DB', formats: ['raf-db'], part: 'its test split', counts: [329, 74, 160, 1185, 478, 162, 680] },
];

/**
 * The published data set, other than the one it is read as, that has exactly these class counts, in whatever order; undefined
 * where there is none. Counts of this size do not agree by chance.
 */
export function otherDataSetWith(
  counts: readonly number[],
  readAs: FormatName,
): { readonly name: string; readonly part: string; readonly format: FormatName } | undefined {
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b).join(' ');
  const found = KNOWN.find(known => !known.formats.includes(readAs) && sorted(known.counts) === sorted(counts));
  return found && { name: found.name, part: found.part, format: found.formats[0]! };
}
