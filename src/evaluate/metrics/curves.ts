/**
 * Curves of predicted scores and the areas under them, in float64, with scikit-learn's definitions
 * (https://scikit-learn.org/stable/modules/model_evaluation.html). Scores are (N, K), row-major: K per sample.
 */
import { checkScores } from './probabilities.js';
import { precisionArea, rankClass, rocArea, walk, type Ranking } from './ranking.js';

/** Areas under ROC curves, from 0 to 1. */
export interface RocAuc {
  /** Area under each class's curve against all others; NaN where the class or its complement has no sample. */
  perClass: number[];
  /** Unweighted mean; NaN where one of the areas is. */
  macro: number;
}

/** Area under the receiver operating characteristic, each class against the rest. */
export function rocAucOneVsRest(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): RocAuc {
  checkScores(truth, scores, classes);
  const perClass = Array.from({ length: classes }, (_, k) => rocArea(rankClass(truth, scores, classes, k)));
  return { perClass, macro: perClass.reduce((a, b) => a + b, 0) / classes };
}

/** Average precision of each class against the rest, sum of (R_n - R_(n-1)) P_n; 0 for a class without samples. */
export function averagePrecision(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): number[] {
  checkScores(truth, scores, classes);
  return Array.from({ length: classes }, (_, k) => {
    const area = precisionArea(rankClass(truth, scores, classes, k));
    return Number.isNaN(area) ? 0 : area;
  });
}

/** Points of a receiver operating characteristic, from (0,0) to (1,1). */
export interface RocCurve {
  readonly falsePositiveRate: number[];
  readonly truePositiveRate: number[];
  /** Scores at or above which a sample counts as positive; infinity at the first point, where none does. */
  readonly thresholds: number[];
}

/**
 * Points on a straight line between their neighbours are left out, as `roc_curve` does. Rates are NaN where there are no
 * positives or no negatives.
 */
export function rocCurve(ranking: Ranking): RocCurve {
  const points = [{ hits: 0, alarms: 0, threshold: Infinity }];
  walk(ranking, undefined, (hits, alarms, r) => {
    points.push({ hits, alarms, threshold: ranking.scores[r]! });
  });
  const { hits, alarms } = points.at(-1)!;
  const kept = points.filter((point, i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    // The first score always makes a point, as it does there.
    if (!before || !after || i === 1) return true;
    // A step that repeats the one before adds nothing.
    return (
      after.hits - point.hits !== point.hits - before.hits ||
      after.alarms - point.alarms !== point.alarms - before.alarms
    );
  });
  return {
    falsePositiveRate: kept.map(point => point.alarms / alarms),
    truePositiveRate: kept.map(point => point.hits / hits),
    thresholds: kept.map(({ threshold }) => threshold),
  };
}

/** Points of a precision-recall curve by rising threshold; the last, of recall 0 and precision 1, has no threshold. */
export interface PrecisionRecallCurve {
  readonly precision: number[];
  readonly recall: number[];
  readonly thresholds: number[];
}

/** As `precision_recall_curve`. Recall is NaN where there are no positives. */
export function precisionRecallCurve(ranking: Ranking): PrecisionRecallCurve {
  const points: { hits: number; precision: number; threshold: number }[] = [];
  walk(ranking, undefined, (hits, alarms, r) => {
    points.push({ hits, precision: hits / (hits + alarms), threshold: ranking.scores[r]! });
  });
  points.reverse();
  const positives = points[0]?.hits ?? 0;
  return {
    precision: [...points.map(({ precision }) => precision), 1],
    recall: [...points.map(({ hits }) => hits / positives), 0],
    thresholds: points.map(({ threshold }) => threshold),
  };
}

/**
 * The mean of several characteristics, each interpolated at `points` evenly spaced false positive rates: the macro curve.
 */
export function macroRocCurve(curves: readonly RocCurve[], points = 101): Omit<RocCurve, 'thresholds'> {
  const grid = Array.from({ length: points }, (_, i) => i / (points - 1));
  const mean = grid.map(
    x => curves.reduce((total, curve) => total + highestAt(curve, x), 0) / Math.max(curves.length, 1),
  );
  return { falsePositiveRate: [0, ...grid], truePositiveRate: [0, ...mean] };
}

/** The true positive rate at `x`, interpolated; the top of the step where the curve rises there. */
function highestAt({ falsePositiveRate: xs, truePositiveRate: ys }: RocCurve, x: number): number {
  const after = xs.findIndex(value => value > x);
  if (after === -1) return ys.at(-1)!;
  const [x0, x1, y0, y1] = [xs[after - 1]!, xs[after]!, ys[after - 1]!, ys[after]!];
  return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** Points of a curve that are far enough apart to be told apart in a drawing of 1 by 1, its first and last included. */
export function thin(xs: readonly number[], ys: readonly number[], apart = 1 / 250): { x: number[]; y: number[] } {
  const kept: number[] = [];
  xs.forEach((x, i) => {
    const last = kept.at(-1);
    if (last === undefined || Math.hypot(x - xs[last]!, ys[i]! - ys[last]!) >= apart) kept.push(i);
  });
  const end = xs.length - 1;
  if (kept.at(-1) !== end && end >= 0) kept.push(end);
  return { x: kept.map(i => xs[i]!), y: kept.map(i => ys[i]!) };
}
