/**
 * Metrics of predicted scores, in float64, with scikit-learn's definitions
 * (https://scikit-learn.org/stable/modules/model_evaluation.html). Scores are (N, K), row-major: K per sample.
 */

export interface RocAuc {
  /** Area under each class's curve against all others; NaN where the class or its complement has no sample. */
  perClass: number[];
  /** Unweighted mean; NaN where one of the areas is. */
  macro: number;
}

/**
 * Mean negative log-likelihood of the true classes. Probabilities are kept 2^-52 away from 0 and 1 and then scaled to
 * sum to 1, as scikit-learn does for float64.
 */
export function logLoss(truth: ArrayLike<number>, probabilities: ArrayLike<number>, classes: number): number {
  check(truth, probabilities, classes);
  let total = 0;
  for (let i = 0; i < truth.length; i++) {
    let rowSum = 0;
    for (let k = 0; k < classes; k++) rowSum += clip(probabilities[i * classes + k]!);
    total -= Math.log(clip(probabilities[i * classes + truth[i]!]!) / rowSum);
  }
  return total / truth.length;
}

/** Area under the receiver operating characteristic, each class against the rest. */
export function rocAucOneVsRest(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): RocAuc {
  check(truth, scores, classes);
  const perClass = Array.from({ length: classes }, (_, k) => rocAuc(thresholdCounts(truth, scores, classes, k)));
  return { perClass, macro: perClass.reduce((a, b) => a + b, 0) / classes };
}

/** Average precision of each class against the rest, sum of (R_n - R_(n-1)) P_n; 0 for a class without samples. */
export function averagePrecision(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): number[] {
  check(truth, scores, classes);
  return Array.from({ length: classes }, (_, k) => {
    const points = thresholdCounts(truth, scores, classes, k);
    const positives = points.at(-1)?.truePositives ?? 0;
    let area = 0;
    let hitsBefore = 0;
    for (const { truePositives, falsePositives } of points) {
      area += (truePositives - hitsBefore) * (truePositives / (truePositives + falsePositives));
      hitsBefore = truePositives;
    }
    return positives === 0 ? 0 : area / positives;
  });
}

interface ThresholdCount {
  truePositives: number;
  falsePositives: number;
}

/** For each distinct score of class `k`, from the highest: the samples that score it or more, by whether they are `k`. */
function thresholdCounts(
  truth: ArrayLike<number>,
  scores: ArrayLike<number>,
  classes: number,
  k: number,
): ThresholdCount[] {
  const score = (i: number) => scores[i * classes + k]!;
  const order = Array.from({ length: truth.length }, (_, i) => i).sort((a, b) => score(b) - score(a));
  const points: ThresholdCount[] = [];
  let truePositives = 0;
  let falsePositives = 0;
  order.forEach((i, rank) => {
    if (truth[i] === k) truePositives++;
    else falsePositives++;
    const next = order[rank + 1];
    // Samples of equal score cannot be told apart: they make one point of the curve.
    if (next === undefined || score(next) !== score(i)) points.push({ truePositives, falsePositives });
  });
  return points;
}

/** By trapezoids through the curve's points. */
function rocAuc(points: readonly ThresholdCount[]): number {
  let area = 0;
  let before: ThresholdCount = { truePositives: 0, falsePositives: 0 };
  for (const point of points) {
    area += ((point.falsePositives - before.falsePositives) * (point.truePositives + before.truePositives)) / 2;
    before = point;
  }
  return area / (before.truePositives * before.falsePositives);
}

function clip(probability: number): number {
  return Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON);
}

function check(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): void {
  if (scores.length !== truth.length * classes) {
    throw new RangeError(`${scores.length} scores do not belong to ${truth.length} samples of ${classes} classes`);
  }
  for (let i = 0; i < truth.length; i++) {
    const label = truth[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(`sample ${i} has class ${label}, of ${classes} classes`);
    }
  }
}
