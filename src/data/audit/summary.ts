import type { SplitName } from '../dataset.js';
import type { Audit, Group } from './audit.js';

/** What groups of copies amount to. */
export interface CopyCounts {
  groups: number;
  /** Images that would go if one of each group stayed. */
  extra: number;
  /** Groups with images in more than one split. */
  acrossSplits: number;
  /** Groups whose images bear different labels. */
  conflicts: number;
  /** Images of the validation split that stand in training too. */
  valInTrain: number;
  testInTrain: number;
  testInVal: number;
}

export interface AuditSummary {
  identical: CopyCounts;
  /** Identical images and near duplicates together; absent where near duplicates were not looked for. */
  near?: CopyCounts;
  blank: number;
}

export function summariseAudit(audit: Audit, near: boolean): AuditSummary {
  const identical = countCopies(audit.identical);
  return { identical, ...(near ? { near: countCopies(allGroups(audit)) } : {}), blank: audit.blank.length };
}

/** Groups of near duplicates, and those groups of identical images that have no near duplicate. */
export function allGroups({ identical, near }: Audit): Group[] {
  const key = ({ split, index }: Group['members'][number]) => `${split} ${index}`;
  const inNear = new Set(near.flatMap(({ members }) => members.map(key)));
  return [...identical.filter(({ members }) => !inNear.has(key(members[0]!))), ...near];
}

function countCopies(groups: readonly Group[]): CopyCounts {
  const sum = (value: (group: Group) => number) => groups.reduce((total, group) => total + value(group), 0);
  const standsIn = (split: SplitName, other: SplitName) =>
    sum(({ members, splits }) =>
      splits.includes(other) ? members.filter(member => member.split === split).length : 0,
    );
  return {
    groups: groups.length,
    extra: sum(({ members }) => members.length - 1),
    acrossSplits: sum(({ splits }) => (splits.length > 1 ? 1 : 0)),
    conflicts: sum(({ conflict }) => (conflict ? 1 : 0)),
    valInTrain: standsIn('val', 'train'),
    testInTrain: standsIn('test', 'train'),
    testInVal: standsIn('test', 'val'),
  };
}
