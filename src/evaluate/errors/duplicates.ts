import { auditDataSet, auditDefaults, type Audit, type Group } from '../../data/audit/audit.js';
import { allGroups } from '../../data/audit/summary.js';
import type { DataSet, SplitName } from '../../data/dataset.js';
import type { Answers } from './answers.js';
import { scoreSubset, type SubsetScores } from './subset.js';

/** Which images count as the same: none are looked for, the same in every byte, or near duplicates too. */
export const DUPLICATE_KINDS = ['none', 'identical', 'near'] as const;
export type DuplicateKind = (typeof DUPLICATE_KINDS)[number];

/** Scores without the images that stand elsewhere too. */
export interface DuplicateScores {
  readonly kind: Exclude<DuplicateKind, 'none'>;
  /** Images that stand in a split by which a run learns or chooses too: the network may know them by heart. */
  readonly seen: SubsetScores;
  /** Further copies of an image within the split. */
  readonly repeated: number;
  /** What is left: images that are new to the network, each once. */
  readonly deduplicated: SubsetScores;
}

/** Splits that have a say in what a network becomes before it meets this one. */
const EARLIER: Readonly<Record<SplitName, readonly SplitName[]>> = {
  train: [],
  val: ['train'],
  test: ['train', 'val'],
};

/** What was found in data that several networks are evaluated on; an audit for near duplicates has the identical ones too. */
const audits = new WeakMap<DataSet, { near: boolean; audit: Audit }>();

function auditOf(data: DataSet, near: boolean, onProgress: (fraction: number, text: string) => void): Audit {
  const known = audits.get(data);
  if (known && (known.near || !near)) return known.audit;
  const audit = auditDataSet(data, { ...auditDefaults, near, onProgress });
  audits.set(data, { near, audit });
  return audit;
}

/** Scores on the de-duplicated split: of identical images, and of near duplicates where they are asked for. */
export function scoreWithoutDuplicates(
  answers: Answers,
  data: DataSet,
  split: SplitName,
  kind: Exclude<DuplicateKind, 'none'>,
  onProgress: (fraction: number, text: string) => void,
): DuplicateScores[] {
  const near = kind === 'near';
  const audit = auditOf(data, near, onProgress);
  return [scoreKind('identical', audit.identical), ...(near ? [scoreKind('near', allGroups(audit))] : [])];

  function scoreKind(kind: DuplicateScores['kind'], groups: readonly Group[]): DuplicateScores {
    const seen = new Set<number>();
    const repeated = new Set<number>();
    for (const { members, splits } of groups) {
      const own = members.filter(member => member.split === split).map(({ index }) => index);
      if (splits.some(name => EARLIER[split].includes(name))) for (const index of own) seen.add(index);
      else for (const index of own.slice(1)) repeated.add(index);
    }
    const all = Array.from({ length: answers.count }, (_, i) => i);
    return {
      kind,
      seen: scoreSubset(answers, [...seen]),
      repeated: repeated.size,
      deduplicated: scoreSubset(
        answers,
        all.filter(i => !seen.has(i) && !repeated.has(i)),
      ),
    };
  }
}
