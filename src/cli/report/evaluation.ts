import type { ClassificationReport, ClassScores } from '../../evaluate/metrics/index.js';
import { columns, loss, percent, whole } from './format.js';

const MOST_COLUMNS = 80;

/** What `facegrad eval` found; with `--json` printed as it stands. */
export interface Evaluation {
  model: string;
  /** Name of the data set, with how its labels came about. */
  data: string;
  split: string;
  /** Images. */
  count: number;
  /** Mean cross-entropy. */
  loss: number;
  accuracy: number;
  /** `confusion[t][p]`: images of class `t` that were taken for `p`. */
  confusion: number[][];
  perClass: ({ name: string } & ClassScores)[];
  /** Where the network was computed in mixed precision; absent where it was in f32. */
  precision?: 'amp';
}

/** The evaluation for people. */
export function evaluationLines(evaluation: Evaluation, report: ClassificationReport): string[] {
  const names = evaluation.perClass.map(({ name }) => name);
  return [
    `${evaluation.model} on the ${evaluation.split} split of ${evaluation.data}: ${whole(evaluation.count)} images, ` +
      `computed in ${evaluation.precision === 'amp' ? 'mixed precision (amp)' : 'f32'}`,
    `loss ${loss(evaluation.loss)}, accuracy ${percent(evaluation.accuracy)}`,
    '',
    'Confusion matrix (rows: truth, columns: prediction)',
    ...confusionLines(evaluation.confusion, names),
    '',
    'Per class',
    ...reportLines(report, names),
  ];
}

/** Columns bear the names of the classes where that fits, else their numbers. */
export function confusionLines(confusion: readonly (readonly number[])[], names: readonly string[]): string[] {
  const cells = confusion.map(row => row.map(String));
  const named = columns([['', ...names], ...cells.map((row, i) => [names[i]!, ...row])], 'lr');
  if (Math.max(...named.map(line => line.length)) <= MOST_COLUMNS) return named;
  const numbers = names.map((_, i) => String(i));
  return columns([['', ...numbers], ...cells.map((row, i) => [`${i} ${names[i]!}`, ...row])], 'lr');
}

function reportLines(report: ClassificationReport, names: readonly string[]): string[] {
  const row = (name: string, scores: ClassScores) => [
    name,
    ...[scores.precision, scores.recall, scores.f1].map(value => value.toFixed(4)),
    whole(scores.support),
  ];
  return columns(
    [
      ['', 'precision', 'recall', 'f1', 'support'],
      ...report.perClass.map((scores, i) => row(names[i]!, scores)),
      row('macro average', report.macro),
      row('weighted average', report.weighted),
    ],
    'lr',
  );
}
