import type { DataSet } from '../dataset.js';
import { csvLine } from '../csv-line.js';
import type { Exclusion } from '../exclude.js';
import type { Audit, Group } from './audit.js';

const HEAD = [
  ...['finding', 'group', 'images', 'splits', 'conflict'],
  ...['split', 'index', 'name', 'label', 'class', 'value', 'excluded'],
];

/**
 * Every finding of an audit as CSV, one line for each image: `finding` is identical, near or blank; `group` counts the
 * groups of its kind from 1, and `images`, `splits` and `conflict` describe the group; `index` is the image's place in
 * its split, from 0, `name` what its source calls it, where that is known; `value` is the correlation with the group's
 * first image, for blank images the standard deviation in grey levels; `excluded` is the reason for which an exclusion
 * list leaves the image out, empty where it stays.
 */
export function findingsCsv(data: DataSet, audit: Audit, exclusions: readonly Exclusion[]): string {
  const reasons = new Map(exclusions.map(({ split, index, reason }) => [`${split} ${index}`, reason]));
  const lines = [csvLine(HEAD)];
  const add = (finding: string, group: string[], { split, index, label }: Group['members'][number], value: number) => {
    const excluded = reasons.get(`${split} ${index}`) ?? '';
    const name = data.splits[split].names?.[index] ?? '';
    const place = [split, String(index), name, String(label), data.classes[label]!];
    lines.push(csvLine([finding, ...group, ...place, String(Number(value.toFixed(4))), excluded]));
  };
  for (const kind of ['identical', 'near'] as const) {
    audit[kind].forEach((group, i) => {
      const { members, splits, conflict } = group;
      const about = [String(i + 1), String(members.length), splits.join(' '), conflict ? 'yes' : 'no'];
      for (const member of members) add(kind, about, member, member.similarity);
    });
  }
  for (const place of audit.blank) {
    add('blank', ['', '1', place.split, 'no'], { ...place, similarity: 1 }, place.deviation);
  }
  return lines.join('');
}
