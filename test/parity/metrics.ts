import {
  averagePrecision,
  balancedAccuracy,
  classificationReport,
  cohenKappa,
  confusionMatrix,
  logLoss,
  matthewsCorrelation,
  rocAucOneVsRest,
  type ClassScores,
} from '../../src/evaluate/metrics/index.js';
import { compare, differs, relativeEach, type Deviation } from './compare.js';
import type { MetricsCase } from './golden.js';

const inputs = ['truth', 'pred', 'score'];

/** Compares every number of a metrics case, in scikit-learn's names; one that we do not compute is a failure. */
export function checkMetrics(golden: MetricsCase): Deviation[] {
  const actual = flatten(ourMetrics(golden));
  const expected = flatten(Object.fromEntries(Object.entries(golden).filter(([field]) => !inputs.includes(field))));
  return [...expected].map(([path, value]) => {
    const ours = actual.get(path);
    if (ours === undefined) return differs(path, `not computed, expected ${value}`);
    return compare(path, [ours], [value], [1], relativeEach(1e-5));
  });
}

function ourMetrics({ truth, pred, score }: MetricsCase): Record<string, unknown> {
  const classes = score[0]!.length;
  const confusion = confusionMatrix(truth, pred, classes);
  const scores = score.flat();
  const report = classificationReport(confusion);
  const roc = rocAucOneVsRest(truth, scores, classes);
  return {
    confusion,
    report: {
      ...Object.fromEntries(report.perClass.map((entry, k) => [k, inTheirNames(entry)])),
      accuracy: report.accuracy,
      'macro avg': inTheirNames(report.macro),
      'weighted avg': inTheirNames(report.weighted),
    },
    roc_auc_ovr: roc.perClass,
    roc_auc_macro: roc.macro,
    average_precision: averagePrecision(truth, scores, classes),
    log_loss: logLoss(truth, scores, classes),
    cohen_kappa: cohenKappa(confusion),
    balanced_accuracy: balancedAccuracy(confusion),
    matthews: matthewsCorrelation(confusion),
  };
}

function inTheirNames({ f1, ...scores }: ClassScores): Record<string, number> {
  return { ...scores, 'f1-score': f1 };
}

/** Every number inside, by its path: `report.macro avg.precision`, `confusion.0.3`. */
function flatten(value: unknown, path: string[] = [], into = new Map<string, number>()): Map<string, number> {
  if (typeof value === 'number') into.set(path.join('.'), value);
  else for (const [key, inner] of Object.entries(value as object)) flatten(inner, [...path, key], into);
  return into;
}
