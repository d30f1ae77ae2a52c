import { INTERVAL_FIGURES, type ClassIntervals, type IntervalFigure, type Intervals } from './assessment.js';
import type { Answers } from './errors/answers.js';
import { cohenKappa, matthewsCorrelation } from './metrics/agreement.js';
import { bootstrap, bootstrapDefaults, type BootstrapOptions, type Interval } from './metrics/bootstrap.js';
import { binOf, weightedCalibrationError } from './metrics/calibration.js';
import { columnSums, confusionMatrix } from './metrics/confusion.js';
import { topKHits } from './metrics/probabilities.js';
import { precisionArea, rocArea, type Ranking } from './metrics/ranking.js';
import { balancedAccuracy, classificationReport } from './metrics/report.js';

/**
 * Bootstrap intervals of a split's figures. A resample's figures come from how often it holds each image, so that nothing is
 * sorted again.
 *
 * @param rankings of each class against the rest
 */
export function intervalsOf(answers: Answers, rankings: readonly Ranking[], options: BootstrapOptions = {}): Intervals {
  const { labels, predictions, probabilities, confidence, correct, losses, count } = answers;
  const K = answers.classes.length;
  const top2 = topKHits(labels, probabilities, K, 2);
  const bins = Uint8Array.from(confidence, value => binOf(value));
  const statistics = (weights: Uint16Array): number[] => {
    const matrix = confusionMatrix(labels, predictions, K, weights);
    const report = classificationReport(matrix);
    const predicted = columnSums(matrix);
    const figures: Record<IntervalFigure, number> = {
      accuracy: report.accuracy,
      balancedAccuracy: balancedAccuracy(matrix),
      macroPrecision: report.macro.precision,
      macroRecall: report.macro.recall,
      macroF1: report.macro.f1,
      weightedF1: report.weighted.f1,
      cohenKappa: cohenKappa(matrix),
      matthews: matthewsCorrelation(matrix),
      top2Accuracy: K > 2 ? weightedMean(top2, weights) : NaN,
      loss: weightedMean(losses, weights),
      calibrationError: weightedCalibrationError(bins, confidence, correct, weights),
      rocAucMacro: definedMean(rankings.map(ranking => rocArea(ranking, weights))),
      averagePrecisionMacro: definedMean(rankings.map(ranking => precisionArea(ranking, weights))),
    };
    const perClass = report.perClass.flatMap(({ precision, recall, f1, support }, k) => {
      const occurs = support + predicted[k]! > 0;
      return [occurs ? precision : NaN, support > 0 ? recall : NaN, occurs ? f1 : NaN];
    });
    return [...INTERVAL_FIGURES.map(name => figures[name]), ...perClass];
  };
  const found = bootstrap(count, statistics, options);
  const figures = Object.fromEntries(INTERVAL_FIGURES.map((name, i) => [name, found[i] ?? null]));
  const perClass = answers.classes.map((name, k): ClassIntervals => {
    const at = INTERVAL_FIGURES.length + 3 * k;
    const [precision = null, recall = null, f1 = null] = found.slice(at, at + 3);
    return { name, precision, recall, f1 };
  });
  return {
    ...{ ...bootstrapDefaults, ...options },
    ...(figures as Record<IntervalFigure, Interval | null>),
    perClass,
  };
}

/** Mean of the values that exist; NaN where none does. */
export function definedMean(values: readonly number[]): number {
  const defined = values.filter(value => !Number.isNaN(value));
  return defined.reduce((a, b) => a + b, 0) / defined.length;
}

function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]! * values[i]!;
    total += weights[i]!;
  }
  return sum / total;
}
