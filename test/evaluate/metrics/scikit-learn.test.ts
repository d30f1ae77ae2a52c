import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  balancedAccuracy,
  calibration,
  classificationReport,
  cohenKappa,
  confusionMatrix,
  logLoss,
  macroRocCurve,
  matthewsCorrelation,
  mcnemar,
  precisionArea,
  precisionRecallCurve,
  rankAll,
  rankClass,
  rocArea,
  rocAucOneVsRest,
  rocCurve,
  softCrossEntropy,
  topKAccuracy,
} from '../../../src/evaluate/metrics/index.js';

// Computed with scikit-learn 1.2.1 and SciPy 1.10.1 on the inputs below.
const expected = JSON.parse(readFileSync(new URL('scikit-learn.json', import.meta.url), 'utf8')) as {
  confusion: number[][];
  report: Record<string, Record<string, number>>;
  balanced_accuracy: number;
  cohen_kappa: number;
  matthews: number;
  log_loss: number;
  roc_auc: { macro: number; micro: number; per_class: number[] };
  average_precision: { macro: number; micro: number; per_class: number[] };
  top_2: number;
  roc_curve: { fpr: number[]; tpr: number[]; thresholds: number[] };
  pr_curve: { precision: number[]; recall: number[]; thresholds: number[] };
  macro_curve: number[];
  calibration: { accuracy: number[]; confidence: number[]; counts: number[]; ece: number };
  soft: { cross_entropy: number; entropy: number };
  mcnemar: [onlyFirst: number, onlySecond: number, statistic: number | null, pValue: number][];
};

const N = 60;
const K = 4;
const indices = Array.from({ length: N }, (_, i) => i);
const truth = indices.map(i => (i % 10 === 0 ? 3 : (i * i + Math.floor(i / 3)) % 3));
/** Small whole numbers over their sums: ties are frequent, and class 3 is never predicted. */
const rows = indices.map(i => {
  const raw = Array.from({ length: K }, (_, k) => ((i * 37 + k * 91 + i * k * 13) % 17) + 1);
  raw[truth[i]!]! += (i * 7) % 9;
  raw[3] = Math.min(raw[3]!, 3);
  const sum = raw.reduce((a, b) => a + b);
  return raw.map(value => value / sum);
});
const scores = rows.flat();
const predicted = rows.map(row => row.indexOf(Math.max(...row)));
const matrix = confusionMatrix(truth, predicted, K);

function expectClose(actual: ArrayLike<number>, wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 12);
  });
}

describe('as scikit-learn', () => {
  it('scores labels, of a class that is never predicted too', () => {
    expect(matrix).toEqual(expected.confusion);
    const report = classificationReport(matrix);
    const inOrder = (scores: Record<string, number>) =>
      ['precision', 'recall', 'f1-score', 'support'].map(key => scores[key]!);
    report.perClass.forEach((scores, k) => {
      expectClose(Object.values(scores), inOrder(expected.report[String(k)]!));
    });
    expectClose(Object.values(report.macro), inOrder(expected.report['macro avg']!));
    expectClose(Object.values(report.weighted), inOrder(expected.report['weighted avg']!));
    expect(balancedAccuracy(matrix)).toBeCloseTo(expected.balanced_accuracy, 14);
    expect(cohenKappa(matrix)).toBeCloseTo(expected.cohen_kappa, 14);
    expect(matthewsCorrelation(matrix)).toBeCloseTo(expected.matthews, 14);
  });

  it('scores probabilities', () => {
    expect(logLoss(truth, scores, K)).toBeCloseTo(expected.log_loss, 13);
    expect(topKAccuracy(truth, scores, K, 2)).toBeCloseTo(expected.top_2, 14);
    expect(topKAccuracy(truth, scores, K, 4)).toBe(1);
  });

  it('measures areas: one class against the rest, macro, micro', () => {
    const roc = rocAucOneVsRest(truth, scores, K);
    expectClose(roc.perClass, expected.roc_auc.per_class);
    expect(roc.macro).toBeCloseTo(expected.roc_auc.macro, 14);
    const all = rankAll(truth, scores, K);
    expect(rocArea(all)).toBeCloseTo(expected.roc_auc.micro, 14);
    expect(precisionArea(all)).toBeCloseTo(expected.average_precision.micro, 14);
    expectClose(averagePrecision(truth, scores, K), expected.average_precision.per_class);
  });

  it('draws curves through the same points', () => {
    const ranking = rankClass(truth, scores, K, 1);
    const roc = rocCurve(ranking);
    expectClose(roc.falsePositiveRate, expected.roc_curve.fpr);
    expectClose(roc.truePositiveRate, expected.roc_curve.tpr);
    expect(roc.thresholds[0]).toBe(Infinity);
    expectClose(roc.thresholds.slice(1), expected.roc_curve.thresholds);
    const precision = precisionRecallCurve(ranking);
    expectClose(precision.precision, expected.pr_curve.precision);
    expectClose(precision.recall, expected.pr_curve.recall);
    expectClose(precision.thresholds, expected.pr_curve.thresholds);
  });

  it("averages classes' curves at given false positive rates", () => {
    const curves = Array.from({ length: K }, (_, k) => rocCurve(rankClass(truth, scores, K, k)));
    const mean = macroRocCurve(curves, 11);
    expectClose(mean.truePositiveRate.slice(1), expected.macro_curve);
    expect([mean.falsePositiveRate[0], mean.truePositiveRate[0]]).toEqual([0, 0]);
  });

  it('counts samples that weigh several times as if they were there several times', () => {
    const weights = indices.map(i => i % 3);
    const repeated = indices.flatMap(i => new Array<number>(weights[i]!).fill(i));
    const again = rankClass(
      repeated.map(i => truth[i]!),
      repeated.flatMap(i => rows[i]!),
      K,
      0,
    );
    const ranking = rankClass(truth, scores, K, 0);
    expect(rocArea(ranking, weights)).toBeCloseTo(rocArea(again), 14);
    expect(precisionArea(ranking, weights)).toBeCloseTo(precisionArea(again), 14);
  });

  it('compares confidence with accuracy, bin by bin', () => {
    const confidence = rows.map(row => Math.max(...row));
    const correct = predicted.map((label, i) => (label === truth[i] ? 1 : 0));
    const { bins, expectedError, maximumError } = calibration(confidence, correct, 10);
    const filled = bins.filter(({ count }) => count > 0);
    expect(bins.map(({ count }) => count)).toEqual(expected.calibration.counts);
    const values = (key: 'accuracy' | 'confidence') => filled.map(bin => bin[key]!);
    expectClose(values('accuracy'), expected.calibration.accuracy);
    expectClose(values('confidence'), expected.calibration.confidence);
    expect(expectedError).toBeCloseTo(expected.calibration.ece, 14);
    const gaps = filled.map(bin => Math.abs(bin.accuracy! - bin.confidence!));
    expect(maximumError).toBeCloseTo(Math.max(...gaps), 14);
    expect(bins[0]).toEqual({ lower: 0, upper: 0.1, count: 0, confidence: null, accuracy: null });
  });

  it('takes the cross-entropy against distributions', () => {
    const targets = [...rows].reverse();
    const logits = scores.map(Math.log);
    const { crossEntropy, entropy } = softCrossEntropy(targets.flat(), logits, K);
    expect(crossEntropy).toBeCloseTo(expected.soft.cross_entropy, 13);
    expect(entropy).toBeCloseTo(expected.soft.entropy, 13);
  });

  it.each(expected.mcnemar)("has McNemar's test of %d against %d", (onlyFirst, onlySecond, statistic, pValue) => {
    const both = 7;
    const labels = new Array<number>(onlyFirst + onlySecond + both + 3).fill(1);
    const first = labels.map((_, i) =>
      i < onlyFirst || (i >= onlyFirst + onlySecond && i < labels.length - 3) ? 1 : 0,
    );
    const second = labels.map((_, i) => (i >= onlyFirst && i < labels.length - 3 ? 1 : 0));
    const test = mcnemar(labels, first, second);
    expect(test).toMatchObject({ onlyFirst, onlySecond, bothRight: both, bothWrong: 3 });
    expect(test.method).toBe(statistic === null ? 'exact binomial' : 'chi-squared with continuity correction');
    if (statistic === null) expect(test.statistic).toBeNull();
    else expect(test.statistic).toBeCloseTo(statistic, 12);
    expect(Math.abs(test.pValue / pValue - 1)).toBeLessThan(1e-11);
  });
});
