/**
 * Metrics of predicted labels, all from one confusion matrix, in float64. Definitions are scikit-learn's
 * (https://scikit-learn.org/stable/modules/model_evaluation.html); a ratio 0/0 counts as 0 (`zero_division=0`).
 */
import { columnSums, diagonal, ratio, rowSums, sum, type ConfusionMatrix } from './confusion.js';

/** Scores of one class, from 0 to 1: TP/(TP+FP), TP/(TP+FN) and their harmonic mean; 0/0 is 0. */
export interface ClassScores {
  precision: number;
  recall: number;
  f1: number;
  /** Samples whose true class this is. */
  support: number;
}

/** Accuracy and scores as scikit-learn's `classification_report` gives them, from 0 to 1. */
export interface ClassificationReport {
  accuracy: number;
  /** One entry a class, by class index. */
  perClass: ClassScores[];
  /** Unweighted mean over the classes that occur in truth or prediction. */
  macro: ClassScores;
  /** Mean weighted by support. */
  weighted: ClassScores;
}

/** Share of samples on the diagonal. */
export function accuracy(matrix: ConfusionMatrix): number {
  return ratio(sum(diagonal(matrix)), sum(rowSums(matrix)));
}

/** Precision, recall and F1 of each class and their means, from a (K,K) matrix of counts: rows are true classes. */
export function classificationReport(matrix: ConfusionMatrix): ClassificationReport {
  const correct = diagonal(matrix);
  const support = rowSums(matrix);
  const predicted = columnSums(matrix);
  const perClass = correct.map((hits, k) => ({
    precision: ratio(hits, predicted[k]!),
    recall: ratio(hits, support[k]!),
    f1: ratio(2 * hits, predicted[k]! + support[k]!),
    support: support[k]!,
  }));
  const total = sum(support);
  const average = (weights: readonly number[]): ClassScores => {
    const mean = (key: keyof ClassScores) =>
      ratio(sum(perClass.map((scores, k) => scores[key] * weights[k]!)), sum(weights));
    return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1'), support: total };
  };
  return {
    accuracy: accuracy(matrix),
    perClass,
    macro: average(support.map((count, k) => (count + predicted[k]! > 0 ? 1 : 0))),
    weighted: average(support),
  };
}

/** Mean recall over the classes that have samples. */
export function balancedAccuracy(matrix: ConfusionMatrix): number {
  const recalls = classificationReport(matrix)
    .perClass.filter(scores => scores.support > 0)
    .map(scores => scores.recall);
  return ratio(sum(recalls), recalls.length);
}
