/**
 * Metrics of predicted labels, all from one confusion matrix, in float64. Definitions are scikit-learn's
 * (https://scikit-learn.org/stable/modules/model_evaluation.html); a ratio 0/0 counts as 0 (`zero_division=0`).
 */

/** `matrix[t][p]` counts the samples of true class `t` that were predicted as `p`; K rows of K. */
export type ConfusionMatrix = readonly (readonly number[])[];

export interface ClassScores {
  precision: number;
  recall: number;
  f1: number;
  /** Samples whose true class this is. */
  support: number;
}

export interface ClassificationReport {
  accuracy: number;
  /** One entry a class, by class index. */
  perClass: ClassScores[];
  /** Unweighted mean over all classes, those without samples included. */
  macro: ClassScores;
  /** Mean weighted by support. */
  weighted: ClassScores;
}

/**
 * Counts (truth, prediction) pairs of class indices.
 *
 * @throws RangeError where the lengths differ or an index is not an integer in 0..classes-1
 */
export function confusionMatrix(truth: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number[][] {
  if (truth.length !== predicted.length) {
    throw new RangeError(`confusion matrix: ${truth.length} true labels, ${predicted.length} predictions`);
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    const row = matrix[truth[i]!];
    const count = row?.[predicted[i]!];
    if (row === undefined || count === undefined) {
      throw new RangeError(
        `confusion matrix: sample ${i} has class ${truth[i]!}, predicted ${predicted[i]!}, of ${classes} classes`,
      );
    }
    row[predicted[i]!] = count + 1;
  }
  return matrix;
}

/** Share of samples on the diagonal. */
export function accuracy(matrix: ConfusionMatrix): number {
  return ratio(sum(diagonal(matrix)), sum(rowSums(matrix)));
}

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
    macro: average(support.map(() => 1)),
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

/**
 * Agreement beyond chance, 1 - (1 - p_o) / (1 - p_e) (Cohen 1960). NaN where truth and prediction are one and the same
 * class throughout, since chance explains everything there; so in scikit-learn.
 */
export function cohenKappa(matrix: ConfusionMatrix): number {
  const total = sum(rowSums(matrix));
  const chance = dot(rowSums(matrix), columnSums(matrix)) / total;
  return 1 - (total - sum(diagonal(matrix))) / (total - chance);
}

/** Matthews correlation of K classes (Gorodkin 2004); 0 where truth or prediction is a single class. */
export function matthewsCorrelation(matrix: ConfusionMatrix): number {
  const support = rowSums(matrix);
  const predicted = columnSums(matrix);
  const total = sum(support);
  const covariance = sum(diagonal(matrix)) * total - dot(support, predicted);
  const spread = (total ** 2 - dot(support, support)) * (total ** 2 - dot(predicted, predicted));
  return ratio(covariance, Math.sqrt(spread));
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return sum(a.map((value, i) => value * b[i]!));
}

function diagonal(matrix: ConfusionMatrix): number[] {
  return matrix.map((row, k) => row[k]!);
}

function rowSums(matrix: ConfusionMatrix): number[] {
  return matrix.map(sum);
}

function columnSums(matrix: ConfusionMatrix): number[] {
  return matrix.map((_, k) => sum(matrix.map(row => row[k]!)));
}
