import type { Assessment, ClassAssessment } from '../../evaluate/assessment.js';
import type { RunComparison } from '../../evaluate/compare.js';
import type { SubsetScores } from '../../evaluate/errors/subset.js';
import type { Ensemble } from '../../evaluate/members.js';
import type { Interval } from '../../evaluate/metrics/index.js';
import { describeTta, type Tta } from '../../evaluate/tta.js';
import { columns, loss, percent, whole, wrap } from './format.js';

const MOST_COLUMNS = 80;
/** Pairs of confused classes that are listed. */
const PAIRS = 5;

/** What `facegrad eval` found; with `--json` printed as it stands. */
export interface Evaluation extends Assessment {
  readonly model: string;
  /** Where the predictions are those of several networks as one: each by itself. */
  readonly ensemble?: Ensemble;
  /** Views of each image whose probabilities were averaged. */
  readonly tta?: Tta;
  /** With the other runs that were asked for. */
  readonly comparisons?: readonly RunComparison[];
  /** Where the network was computed in mixed precision; absent where it was in f32. */
  readonly precision?: 'amp';
}

/** The evaluation for people: the main figures. */
export function evaluationLines(evaluation: Evaluation): string[] {
  const { model, split, data, count, classes, confusion, errors, notes } = evaluation;
  const computed = evaluation.precision === 'amp' ? 'mixed precision (amp)' : 'f32';
  return [
    `${model} on the ${split} split of ${data}: ${whole(count)} images, computed in ${computed}`,
    ...(evaluation.tta ? [describeTta(evaluation.tta)] : []),
    ...section('Members', memberLines(evaluation.ensemble)),
    '',
    ...figureLines(evaluation),
    '',
    'Confusion matrix (rows: truth, columns: prediction)',
    ...confusionLines(confusion, classes),
    '',
    'Per class',
    ...classLines(evaluation),
    ...section('Confused most often', pairLines(evaluation)),
    ...section('By brightness and contrast', quartileLines(errors)),
    ...section('Without images that stand elsewhere too', duplicateLines(evaluation)),
    ...section('Against the annotators', annotatorLines(errors)),
    ...section("Against other runs (McNemar's test)", comparisonLines(evaluation.comparisons ?? [])),
    ...section(
      'Notes',
      notes.flatMap(note => wrap(note, MOST_COLUMNS)),
    ),
  ];
}

function memberLines(ensemble: Ensemble | undefined): string[] {
  if (!ensemble) return [];
  const { members, fit } = ensemble;
  const rows = members.map(({ run, model, weight, ...scores }) => [
    ...[run, model, weight.toFixed(4), percent(scores.accuracy), loss(scores.macroF1), loss(scores.loss)],
  ]);
  const how = fit
    ? `weights fitted on the ${fit.split} split: log loss ${loss(fit.loss)} there, ${loss(fit.equalLoss)} with equal ones`
    : 'equal weights';
  return [...columns([['run', 'model', 'weight', 'accuracy', 'macro F1', 'loss'], ...rows], 'llr'), how];
}

/** Columns bear the names of the classes where that fits, else their numbers. */
export function confusionLines(confusion: readonly (readonly number[])[], names: readonly string[]): string[] {
  const cells = confusion.map(row => row.map(String));
  const named = columns([['', ...names], ...cells.map((row, i) => [names[i]!, ...row])], 'lr');
  if (Math.max(...named.map(line => line.length)) <= MOST_COLUMNS) return named;
  const numbers = names.map((_, i) => String(i));
  return columns([['', ...numbers], ...cells.map((row, i) => [`${i} ${names[i]!}`, ...row])], 'lr');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function figureLines(evaluation: Evaluation): string[] {
  const { intervals, macro, weighted, calibration, roc, precisionRecall, distribution } = evaluation;
  type Row = [name: string, value: number | null, interval: Interval | null, show: (value: number) => string];
  const rows: Row[] = [
    ['accuracy', evaluation.accuracy, intervals.accuracy, percent],
    ['balanced accuracy', evaluation.balancedAccuracy, intervals.balancedAccuracy, percent],
    ['top-2 accuracy', evaluation.top2Accuracy, intervals.top2Accuracy, percent],
    ['macro F1', macro.f1, intervals.macroF1, loss],
    ['weighted F1', weighted.f1, intervals.weightedF1, loss],
    ['ROC AUC, macro', roc.macro, intervals.rocAucMacro, loss],
    ['average precision, macro', precisionRecall.macro, intervals.averagePrecisionMacro, loss],
    ["Cohen's kappa", evaluation.cohenKappa, intervals.cohenKappa, loss],
    ['Matthews correlation', evaluation.matthews, intervals.matthews, loss],
    ['calibration error', calibration.expectedError, intervals.calibrationError, loss],
    [distribution ? 'loss against the labels' : 'loss', evaluation.loss, intervals.loss, loss],
  ];
  if (distribution) {
    rows.push(['loss against distributions', distribution.crossEntropy, null, loss]);
    rows.push(['entropy of distributions', distribution.entropy, null, loss]);
  }
  const cells = rows
    .filter(([, value]) => value !== null)
    .map(([name, value, interval, show]) => [name, show(value!), interval ? between(interval, show) : '']);
  return columns([['', '', `${percent(intervals.level).replace('.00', '')} interval`], ...cells], 'lrr');
}

function between({ low, high }: Interval, show: (value: number) => string): string {
  return `${show(low).replace(' %', '')} to ${show(high)}`;
}

function classLines({ perClass, macro, weighted }: Evaluation): string[] {
  const row = (name: string, scores: Pick<ClassAssessment, 'precision' | 'recall' | 'f1' | 'support'>) => [
    name,
    ...[scores.precision, scores.recall, scores.f1].map(value => (value === null ? '-' : value.toFixed(4))),
    whole(scores.support),
  ];
  return columns(
    [
      ['', 'precision', 'recall', 'f1', 'support'],
      ...perClass.map(scores => row(scores.name, scores)),
      row('macro average', macro),
      row('weighted average', weighted),
    ],
    'lr',
  );
}

function pairLines({ classes, perClass, errors }: Evaluation): string[] {
  const rows = errors.pairs
    .slice(0, PAIRS)
    .map(({ truth, predicted, count, share }) => [
      `${classes[truth]!} taken for ${classes[predicted]!}`,
      `${whole(count)} of ${whole(perClass[truth]!.support)}`,
      percent(share),
    ]);
  return columns(rows, 'lr');
}

function quartileLines({ brightness, contrast }: Evaluation['errors']): string[] {
  if (brightness.length < 2 && contrast.length < 2) return [];
  const row = (name: string, quartiles: readonly SubsetScores[]) => [name, ...quartiles.map(accuracyOf)];
  return columns([row('accuracy, dark to bright', brightness), row('accuracy, flat to contrasty', contrast)], 'lr');
}

function duplicateLines({ errors, split }: Evaluation): string[] {
  if (errors.duplicates.length === 0) return [];
  const earlier = split === 'test' ? 'in training or validation' : 'in training';
  const rows = errors.duplicates.map(({ kind, seen, repeated, deduplicated }) => [
    kind === 'near' ? 'near duplicates' : 'identical',
    whole(deduplicated.count),
    accuracyOf(deduplicated),
    deduplicated.macroF1?.toFixed(4) ?? '-',
    ...(split === 'train' ? [] : [whole(seen.count), accuracyOf(seen)]),
    whole(repeated),
  ]);
  const head = ['', 'left', 'accuracy', 'macro F1', ...(split === 'train' ? [] : [earlier, 'accuracy']), 'repeated'];
  return columns([head, ...rows], 'lr');
}

function annotatorLines({ annotators }: Evaluation['errors']): string[] {
  if (!annotators) return [];
  const { source, count, withPrediction, withLabel, predictionIsFirst, labelIsFirst, levels } = annotators;
  const level = (name: string) => levels.find(found => found.level === name)!;
  return [
    `${whole(count)} images with ${source === 'votes' ? "FER+'s votes" : 'distributions for labels'}`,
    ...columns(
      [
        ['', 'prediction', 'label'],
        ['mean share of annotators who agree', percent(withPrediction), percent(withLabel)],
        ["annotators' first choice", percent(predictionIsFirst), percent(labelIsFirst)],
      ],
      'lr',
    ),
    ...columns(
      (['high', 'middle', 'low'] as const).map(name => {
        const { count, from, to } = level(name);
        const range = `${percent(from)} to ${percent(to)}`.replaceAll('.00 %', '').trim();
        return [`accuracy where annotators' agreement is ${name} (${range} %)`, accuracyOf(level(name)), whole(count)];
      }),
      'lr',
    ),
  ];
}

function comparisonLines(comparisons: readonly RunComparison[]): string[] {
  if (comparisons.length === 0) return [];
  const several = comparisons.length > 1;
  const rows = comparisons.map(({ second, difference, differenceInterval, onlyFirst, onlySecond, ...test }) => [
    second,
    signed(difference),
    differenceInterval
      ? `${signed(differenceInterval.low).replace(' %', '')} to ${signed(differenceInterval.high)}`
      : '-',
    ...[whole(onlyFirst), whole(onlySecond), pValue(test.pValue)],
    ...(several ? [pValue(test.adjustedPValue)] : []),
  ]);
  const head = ['', 'accuracy', 'interval', 'only this', 'only other', 'p', ...(several ? ["Holm's p"] : [])];
  return columns([head, ...rows], 'lr');
}

function signed(fraction: number): string {
  return `${fraction > 0 ? '+' : ''}${percent(fraction)}`;
}

function pValue(value: number): string {
  return value < 1e-4 ? value.toExponential(1) : value.toFixed(4);
}

function accuracyOf({ accuracy }: SubsetScores): string {
  return accuracy === null ? '-' : percent(accuracy);
}
