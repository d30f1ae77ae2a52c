import { describe, expect, it } from 'vitest';
import {
  accuracy,
  balancedAccuracy,
  classificationReport,
  cohenKappa,
  confusionMatrix,
  matthewsCorrelation,
} from '../../../src/evaluate/metrics/index.js';

// Expected values come from scikit-learn 1.2.1 with zero_division=0.

describe('confusionMatrix', () => {
  it('has the truth in rows and the prediction in columns', () => {
    expect(confusionMatrix([0, 0, 1, 1, 1, 3], [0, 1, 1, 1, 0, 2], 4)).toEqual([
      [1, 1, 0, 0],
      [1, 2, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 1, 0],
    ]);
  });

  it('takes typed arrays and no samples at all', () => {
    expect(confusionMatrix(Uint8Array.of(1), Uint32Array.of(0), 2)).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(confusionMatrix([], [], 1)).toEqual([[0]]);
  });

  it.each([
    [[0, 1], [0], '2 true labels, 1 predictions'],
    [[0, 3], [0, 0], 'sample 1 has class 3, predicted 0, of 3 classes'],
    [[0], [-1], 'sample 0 has class 0, predicted -1'],
    [[0.5], [0], 'sample 0 has class 0.5'],
    [[NaN], [0], 'sample 0 has class NaN'],
  ])('refuses %j against %j', (truth, predicted, message) => {
    expect(() => confusionMatrix(truth, predicted, 3)).toThrow(message);
  });
});

describe('metrics of labels', () => {
  it('counts an absent class and a class never predicted as scikit-learn does', () => {
    const matrix = confusionMatrix([0, 0, 1, 1, 1, 3], [0, 1, 1, 1, 0, 2], 4);
    const report = classificationReport(matrix);
    expect(report.perClass).toEqual([
      { precision: 0.5, recall: 0.5, f1: 0.5, support: 2 },
      { precision: 2 / 3, recall: 2 / 3, f1: 2 / 3, support: 3 },
      { precision: 0, recall: 0, f1: 0, support: 0 },
      { precision: 0, recall: 0, f1: 0, support: 1 },
    ]);
    expect(report.accuracy).toBe(0.5);
    expect(report.macro.f1).toBeCloseTo(0.29166666666666663, 15);
    expect(report.macro.support).toBe(6);
    expect(report.weighted).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5, support: 6 });
    expect(cohenKappa(matrix)).toBeCloseTo(0.21739130434782605, 15);
    expect(balancedAccuracy(matrix)).toBeCloseTo(0.38888888888888884, 15);
    expect(matthewsCorrelation(matrix)).toBeCloseTo(0.22727272727272727, 15);
  });

  it('handles one class, all of it right', () => {
    const matrix = confusionMatrix([2, 2, 2], [2, 2, 2], 3);
    const report = classificationReport(matrix);
    // Over the classes that occur, as scikit-learn does unless it is told of others.
    expect(report.macro).toEqual({ precision: 1, recall: 1, f1: 1, support: 3 });
    expect(report.weighted.f1).toBe(1);
    expect(balancedAccuracy(matrix)).toBe(1);
    expect(cohenKappa(matrix)).toBeNaN();
    expect(matthewsCorrelation(matrix)).toBe(0);
  });

  it('handles one true class and many predicted', () => {
    const matrix = confusionMatrix([1, 1, 1], [0, 1, 2], 3);
    const report = classificationReport(matrix);
    expect(report.perClass[1]).toEqual({ precision: 1, recall: 1 / 3, f1: 0.5, support: 3 });
    expect(report.macro.f1).toBeCloseTo(1 / 6, 15);
    expect(cohenKappa(matrix)).toBe(0);
    expect(matthewsCorrelation(matrix)).toBe(0);
  });

  it('is 0 and not NaN without samples', () => {
    const matrix = confusionMatrix([], [], 2);
    expect(accuracy(matrix)).toBe(0);
    expect(classificationReport(matrix).weighted).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
  });
});
