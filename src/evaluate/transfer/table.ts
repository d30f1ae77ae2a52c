import { csvLine } from '../../data/csv-line.js';
import type { Measurement, TransferRecord, TransferScores } from './record.js';

/** One line of the forgetting table. */
export interface TransferRow {
  readonly data: string;
  readonly when: string;
  /** Absent where a part is not done yet. */
  readonly scores?: TransferScores | undefined;
}

/** What has changed between two lines of the table. */
export interface TransferChange {
  readonly what: 'gain' | 'forgetting';
  readonly data: string;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly macroF1: number;
}

const parts: readonly (readonly [which: Measurement, of: 'to' | 'from', when: string])[] = [
  ['zeroShot', 'to', 'zero-shot'],
  ['fineTuned', 'to', 'fine-tuned'],
  ['sourceBefore', 'from', 'before'],
  ['sourceAfter', 'from', 'after'],
];

/** The table of system A: the new data without and with fine-tuning, the old data before and after it. */
export function transferRows(record: TransferRecord): TransferRow[] {
  return parts.map(([which, of, when]) => ({ data: record[of].data, when, scores: record[which] }));
}

/** What fine-tuning gained on the new data, and what it cost on the old: fractions, after minus before. */
export function transferChanges(record: TransferRecord): TransferChange[] {
  const { zeroShot, fineTuned, sourceBefore, sourceAfter } = record;
  const change = (what: TransferChange['what'], data: string, a?: TransferScores, b?: TransferScores) =>
    a && b
      ? [
          {
            ...{ what, data },
            accuracy: b.accuracy - a.accuracy,
            balancedAccuracy: b.balancedAccuracy - a.balancedAccuracy,
            macroF1: b.macroF1 - a.macroF1,
          },
        ]
      : [];
  return [
    ...change('gain', record.to.data, zeroShot, fineTuned),
    ...change('forgetting', record.from.data, sourceBefore, sourceAfter),
  ];
}

/** `transfer.csv`: a line for each part that is done, then the changes; fractions. */
export function transferCsv(record: TransferRecord): string {
  const { classes } = record;
  const head = ['data', 'when', 'images', 'loss', 'accuracy', 'balanced_accuracy', 'macro_f1'];
  const rows = transferRows(record).flatMap(({ data, when, scores }) =>
    scores
      ? [
          [
            ...[data, when, scores.count, scores.loss, scores.accuracy, scores.balancedAccuracy, scores.macroF1],
            ...scores.recall.map(value => value ?? ''),
          ],
        ]
      : [],
  );
  const changes = transferChanges(record).map(({ data, what, ...scores }) => [
    ...[data, what, '', '', scores.accuracy, scores.balancedAccuracy, scores.macroF1],
    ...classes.map(() => ''),
  ]);
  const lines = [[...head, ...classes.map(name => `recall_${name}`)], ...rows, ...changes];
  return lines.map(line => csvLine(line.map(String))).join('');
}

/** `transfer.md`: the table and the recall of each class, for people. */
export function transferMarkdown(record: TransferRecord): string {
  const { from, to, options, classes } = record;
  const rows = transferRows(record);
  const text = (value: number | null | undefined) => (value === null || value === undefined ? '' : percentage(value));
  const lines = rows.map(({ data, when, scores }) =>
    scores
      ? [data, when, scores.count, text(scores.accuracy), text(scores.balancedAccuracy), scores.macroF1.toFixed(4)]
      : [data, when, ...['', 'not done yet', '', '']],
  );
  const changes = transferChanges(record).map(({ what, data, accuracy, balancedAccuracy, macroF1 }) => [
    ...[data, `**${what}**`, '', signed(accuracy), signed(balancedAccuracy)],
    `${macroF1 < 0 ? '' : '+'}${macroF1.toFixed(4)}`,
  ]);
  const recalls = classes.map((name, k) => [name, ...rows.map(({ scores }) => text(scores?.recall[k]))]);
  return [
    `# ${options.model}: from ${from.data} to ${to.data}`,
    '',
    'Test splits; accuracies in per cent, their changes in percentage points.',
    '',
    ...table(['data', 'when', 'images', 'accuracy', 'balanced accuracy', 'macro F1'], 2, [...lines, ...changes]),
    '',
    'Recall by class, in per cent:',
    '',
    ...table(['class', ...rows.map(({ when }) => when)], 1, recalls),
    '',
  ].join('\n');
}

/** A fraction in per cent, with two decimals. */
function percentage(fraction: number): string {
  return (100 * fraction).toFixed(2);
}

/** A difference of fractions in percentage points, with its sign. */
export function signed(difference: number): string {
  return `${difference < 0 ? '' : '+'}${percentage(difference)}`;
}

/** `text` columns are flush left, the others right. */
function table(head: readonly string[], text: number, rows: readonly (readonly (string | number)[])[]): string[] {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i < text ? '---' : '---:'))), ...rows.map(line)];
}
