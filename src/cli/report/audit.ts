import type { AuditSummary, CopyCounts } from '../../data/audit/summary.js';
import { SPLIT_NAMES, titleOf, type DataSet } from '../../data/dataset.js';
import type { Exclusion } from '../../data/exclude.js';
import { columns, whole } from './format.js';

export interface AuditReport {
  summary: AuditSummary;
  exclusions: readonly Exclusion[];
  files: { findings: string; exclude: string };
  seconds: number;
}

const rows: readonly (readonly [text: string, key: keyof CopyCounts])[] = [
  ['groups of copies', 'groups'],
  ['extra copies', 'extra'],
  ['groups that cross splits', 'acrossSplits'],
  ['groups whose labels conflict', 'conflicts'],
  ['validation images that also stand in training', 'valInTrain'],
  ['test images that also stand in training', 'testInTrain'],
  ['test images that also stand in validation', 'testInVal'],
];

/** What `facegrad data audit` found. `blank`: the deviation below which an image counted as blank. */
export function auditLines(
  data: DataSet,
  { summary, exclusions, files, seconds }: AuditReport,
  blank: number,
): string[] {
  const { identical, near } = summary;
  const images = SPLIT_NAMES.reduce((sum, name) => sum + data.splits[name].count, 0);
  const head = ['', 'identical', ...(near ? ['near duplicates too'] : [])];
  const table = rows.map(([text, key]) => [text, whole(identical[key]), ...(near ? [whole(near[key])] : [])]);
  const bySplit = SPLIT_NAMES.map(name => {
    return `${whole(exclusions.filter(({ split }) => split === name).length)} ${name}`;
  });
  return [
    `${titleOf(data)}: ${whole(images)} images compared in ${seconds.toFixed(1)} s`,
    '',
    ...columns([head, ...table], 'lr'),
    '',
    `blank images (standard deviation below ${blank} grey levels): ${whole(summary.blank)}`,
    '',
    `every finding: ${files.findings}`,
    `list for --exclude: ${files.exclude}, ${whole(exclusions.length)} images (${bySplit.join(', ')})`,
  ];
}
