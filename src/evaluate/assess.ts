import { titleOf, type DataSet, type SplitName } from '../data/dataset.js';
import type { SplitVotes } from '../data/labels/votes.js';
import type { Assessment, ClassAssessment, Curve, Curves, ErrorAnalysis } from './assessment.js';
import { agreementWithTargets, agreementWithVotes } from './errors/annotators.js';
import { answersOf, type Answers } from './errors/answers.js';
import { scoreWithoutDuplicates, type DuplicateKind } from './errors/duplicates.js';
import { confusedPairs, surestMistakes } from './errors/mistakes.js';
import { greyMoments, scoreQuartiles } from './errors/pixels.js';
import type { Predictions } from './evaluate.js';
import { definedMean, intervalsOf } from './intervals.js';
import { cohenKappa, matthewsCorrelation } from './metrics/agreement.js';
import type { BootstrapOptions } from './metrics/bootstrap.js';
import { calibration } from './metrics/calibration.js';
import { columnSums, confusionMatrix, normaliseRows, rowSums } from './metrics/confusion.js';
import { macroRocCurve, precisionRecallCurve, rocCurve, thin } from './metrics/curves.js';
import { logLoss, softCrossEntropy, topKAccuracy } from './metrics/probabilities.js';
import { precisionArea, rankAll, rankClass, rocArea, type Ranking } from './metrics/ranking.js';
import { balancedAccuracy, classificationReport } from './metrics/report.js';

/** What `assess` may be told; all of it has a default. */
export interface AssessOptions {
  /** Names of the classes, where the network calls them otherwise than the data. */
  readonly classes?: readonly string[];
  /** Of the intervals: resamples (1,000), seed (0), level (0.95). */
  readonly bootstrap?: BootstrapOptions;
  /** FER+'s votes on the split's images (`readVotes`); by default the data set's own distributions, where it has them. */
  readonly votes?: SplitVotes | undefined;
  /** Which images count as the same on the de-duplicated split; `near` by default. */
  readonly duplicates?: DuplicateKind;
  /** Most pairs of confused classes (10), images of a pair (12) and mistakes (24) that are listed. */
  readonly pairs?: number;
  readonly pairImages?: number;
  readonly mistakes?: number;
  readonly onProgress?: (fraction: number, text: string) => void;
}

/**
 * Every figure of a network's predictions on a split, with intervals and error analysis.
 *
 * @param predictions of all images of `data.splits[split]`, in their order (`evaluate`)
 * @throws {UserError} where the network put out values that are not finite
 * @throws RangeError where predictions, classes and votes do not belong to the split
 */
export function assess(
  predictions: Predictions,
  data: DataSet,
  split: SplitName,
  options: AssessOptions = {},
): Assessment {
  const { count, targets } = data.splits[split];
  const classes = options.classes ?? data.classes;
  const K = classes.length;
  check(predictions, count, K, options.votes);
  const answers = answersOf(predictions, classes);
  const { labels, probabilities, logits } = answers;
  const confusion = confusionMatrix(labels, answers.predictions, K);
  const report = classificationReport(confusion);
  const rankings = classes.map((_, k) => rankClass(labels, probabilities, K, k));
  const all = rankAll(labels, probabilities, K);
  const perClass = classAssessments(confusion, classes, rankings);
  const kappa = cohenKappa(confusion);
  const notes = notesOf(perClass, kappa);
  if (targets) {
    notes.push(
      'The labels of this data set are distributions: loss is against the likeliest class of each image; the ' +
        'cross-entropy against the distributions, which validation in training goes by, stands beside it.',
    );
  }
  return {
    ...{ data: titleOf(data), split, count, loss: predictions.loss, accuracy: report.accuracy, confusion, perClass },
    ...{ classes, fingerprint: data.fingerprint, confusionNormalised: normaliseRows(confusion) },
    ...{ macro: report.macro, weighted: report.weighted, balancedAccuracy: balancedAccuracy(confusion) },
    cohenKappa: defined(kappa),
    matthews: matthewsCorrelation(confusion),
    top2Accuracy: K > 2 ? topKAccuracy(labels, probabilities, K, 2) : null,
    logLoss: logLoss(labels, probabilities, K),
    distribution: targets ? softCrossEntropy(targets, logits, K) : null,
    calibration: calibration(answers.confidence, answers.correct),
    roc: rocCurves(classes, rankings, all),
    precisionRecall: precisionRecallCurves(classes, rankings, all),
    intervals: intervalsOf(answers, rankings, options.bootstrap),
    errors: analyseErrors(answers, perClass, data, split, options, notes),
    notes,
  };
}

function check({ labels, logits }: Predictions, count: number, classes: number, votes: SplitVotes | undefined): void {
  if (labels.length !== count || logits.length !== count * classes) {
    throw new RangeError(
      `${labels.length} predictions with ${logits.length} logits are not those of ${count} images and ${classes} classes`,
    );
  }
  if (votes && votes.length !== count) throw new RangeError(`votes on ${votes.length} images, the split has ${count}`);
}

function classAssessments(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  rankings: readonly Ranking[],
): ClassAssessment[] {
  const support = rowSums(confusion);
  const predicted = columnSums(confusion);
  return classificationReport(confusion).perClass.map((scores, k) => {
    const occurs = support[k]! + predicted[k]! > 0;
    return {
      name: classes[k]!,
      precision: occurs ? scores.precision : null,
      recall: support[k]! > 0 ? scores.recall : null,
      f1: occurs ? scores.f1 : null,
      ...{ support: support[k]!, predicted: predicted[k]! },
      rocAuc: defined(rocArea(rankings[k]!)),
      averagePrecision: defined(precisionArea(rankings[k]!)),
    };
  });
}

function notesOf(perClass: readonly ClassAssessment[], kappa: number): string[] {
  const list = (found: readonly ClassAssessment[]) => found.map(({ name }) => name).join(', ');
  const never = perClass.filter(({ support, predicted }) => support > 0 && predicted === 0);
  const absent = perClass.filter(({ support }) => support === 0);
  const only = perClass.find(({ support }) => support > 0);
  const notes: string[] = [];
  if (never.length > 0) notes.push(`Never predicted: ${list(never)}; precision and F1 count as 0 there.`);
  if (absent.length > 0) {
    notes.push(
      `No images in this split: ${list(absent)}; recall, areas and average precision do not exist there, and macro ` +
        'averages leave such a class out, unless it was predicted.',
    );
  }
  if (absent.length === perClass.length - 1 && only) {
    notes.push(`All images are ${only.name}: there is nothing to tell it from, so that curves and areas do not exist.`);
  }
  if (Number.isNaN(kappa)) notes.push("Cohen's kappa does not exist where labels and predictions are a single class.");
  return notes;
}

function rocCurves(classes: readonly string[], rankings: readonly Ranking[], all: Ranking): Curves {
  const found = rankings.flatMap((ranking, k) => {
    const area = rocArea(ranking);
    return Number.isNaN(area) ? [] : [{ name: classes[k]!, class: k, area, points: rocCurve(ranking) }];
  });
  if (found.length === 0) return { macro: null, micro: null, curves: [] };
  const macro = definedMean(found.map(({ area }) => area));
  const micro = rocArea(all);
  const drawn = [
    ...found,
    { name: 'macro average', area: macro, points: macroRocCurve(found.map(({ points }) => points)) },
    { name: 'micro average', area: micro, points: rocCurve(all) },
  ];
  const curves = drawn.map(({ points, ...curve }) => ({
    ...curve,
    ...drawable(points.falsePositiveRate, points.truePositiveRate),
  }));
  return { macro, micro, curves };
}

function precisionRecallCurves(classes: readonly string[], rankings: readonly Ranking[], all: Ranking): Curves {
  const curve = (name: string, ranking: Ranking) => {
    const { precision, recall } = precisionRecallCurve(ranking);
    // By rising recall, as it is read.
    return { name, area: precisionArea(ranking), ...drawable(recall.reverse(), precision.reverse()) };
  };
  // A class that all images are of has an average precision of 1, which says nothing, but it is one.
  const found: Curve[] = rankings.flatMap((ranking, k) =>
    Number.isNaN(precisionArea(ranking)) ? [] : [{ ...curve(classes[k]!, ranking), class: k }],
  );
  const micro = curve('micro average', all);
  return { macro: definedMean(found.map(({ area }) => area)), micro: micro.area, curves: [...found, micro] };
}

function drawable(xs: readonly number[], ys: readonly number[]): Pick<Curve, 'x' | 'y'> {
  const { x, y } = thin(xs, ys);
  const rounded = (values: readonly number[]) => values.map(value => Math.round(value * 1e5) / 1e5);
  return { x: rounded(x), y: rounded(y) };
}

function analyseErrors(
  answers: Answers,
  perClass: readonly ClassAssessment[],
  data: DataSet,
  split: SplitName,
  options: AssessOptions,
  notes: string[],
): ErrorAnalysis {
  const images = data.splits[split];
  const { brightness, contrast } = greyMoments(images, data);
  const { duplicates = 'near', onProgress = () => undefined } = options;
  const withoutDuplicates =
    duplicates === 'none' ? [] : scoreWithoutDuplicates(answers, data, split, duplicates, onProgress);
  for (const { kind, deduplicated } of withoutDuplicates) {
    if (deduplicated.count > 0) continue;
    notes.push(`Every image of this split stands elsewhere too (${kind}): there is no de-duplicated result.`);
  }
  return {
    count: answers.correct.reduce((total, hit) => total + 1 - hit, 0),
    pairs: confusedPairs(answers, options.pairs ?? 10, options.pairImages ?? 12),
    mistakes: surestMistakes(answers, options.mistakes ?? 24, images.names),
    brightness: scoreQuartiles(answers, brightness),
    contrast: scoreQuartiles(answers, contrast),
    distribution: perClass.map(({ name, support, predicted }) => ({
      name,
      truth: support / answers.count,
      predicted: predicted / answers.count,
    })),
    annotators: annotatorsOf(answers, images.targets, options.votes, notes),
    duplicates: withoutDuplicates,
  };
}

function annotatorsOf(
  answers: Answers,
  targets: Float32Array | undefined,
  votes: SplitVotes | undefined,
  notes: string[],
): ErrorAnalysis['annotators'] {
  if (!votes) return targets ? agreementWithTargets(answers, targets) : null;
  const { agreement, unmatched } = agreementWithVotes(answers, votes);
  if (unmatched.length > 0) {
    notes.push(`FER+ has no votes for ${unmatched.join(', ')}: predictions are not compared with its annotators.`);
  }
  return agreement;
}

function defined(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
