import type { SplitName } from '../dataset.js';
import type { Exclusion } from '../exclude.js';
import type { Audit, Member } from './audit.js';
import type { Place } from './images.js';
import { allGroups } from './summary.js';

/** What becomes of a group whose images bear different labels. */
export const CONFLICT_RULES = ['keep', 'majority', 'drop'] as const;

/**
 * `keep`: one image stays, as in every other group. `majority`: one with the label that most of them bear, none where
 * two labels are as frequent. `drop`: none.
 */
export type ConflictRule = (typeof CONFLICT_RULES)[number];

/** The split whose image stays: a test image is never left standing in training. */
const STAYS_FIRST: readonly SplitName[] = ['test', 'val', 'train'];

/**
 * The images to leave out so that each picture is there once: blank ones, and of each group of copies and near
 * duplicates all but one, which is of the test split where the group reaches there, else of the validation split, else
 * the first of training.
 */
export function chooseExclusions(audit: Audit, conflicts: ConflictRule): Exclusion[] {
  const chosen = new Map<string, Exclusion>();
  const key = ({ split, index }: Place) => `${split} ${index}`;
  const exclude = (place: Place, reason: string) => {
    if (!chosen.has(key(place))) chosen.set(key(place), { split: place.split, index: place.index, reason });
  };
  for (const place of audit.blank) exclude(place, 'blank');
  for (const { members, distinct } of allGroups(audit)) {
    const left = members.filter(member => !chosen.has(key(member)));
    const relation = distinct > 1 ? 'near' : 'identical to';
    const stays = whichStays(left, conflicts);
    for (const member of left) {
      if (stays === undefined) exclude(member, 'copies with different labels');
      else if (member !== stays) exclude(member, `${relation} ${key(stays)}`);
    }
  }
  return [...chosen.values()];
}

function whichStays(members: readonly Member[], conflicts: ConflictRule): Member | undefined {
  const labels = new Map<number, number>();
  for (const { label } of members) labels.set(label, (labels.get(label) ?? 0) + 1);
  const most = Math.max(...labels.values());
  const leading = [...labels].filter(([, count]) => count === most).map(([label]) => label);
  let candidates = members;
  if (labels.size > 1 && conflicts === 'drop') candidates = [];
  if (labels.size > 1 && conflicts === 'majority') {
    candidates = leading.length > 1 ? [] : members.filter(({ label }) => label === leading[0]);
  }
  for (const split of STAYS_FIRST) {
    const first = candidates.find(member => member.split === split);
    if (first) return first;
  }
  return undefined;
}
