import { describe, expect, it } from 'vitest';
import { averagePrecision, logLoss, rocAucOneVsRest } from '../../../src/evaluate/metrics/index.js';

// Expected values come from scikit-learn 1.2.1.

const truth = [0, 1, 1, 1, 0];
const scores = [0.5, 0.3, 0.2, 0.5, 0.2, 0.3, 0.2, 0.5, 0.3, 0.1, 0.8, 0.1, 0, 0, 1];

describe('metrics of scores', () => {
  it('take samples of equal score as one point', () => {
    const { perClass } = rocAucOneVsRest(truth, scores, 3);
    expect(perClass[0]).toBeCloseTo(0.4166666666666667, 15);
    expect(perClass[1]).toBeCloseTo(0.8333333333333333, 15);
    const precision = averagePrecision(truth, scores, 3);
    expect(precision[0]).toBeCloseTo(0.45, 15);
    expect(precision[1]).toBeCloseTo(0.9166666666666665, 15);
  });

  it('say that an area is undefined where a class or its complement has no sample', () => {
    const { perClass, macro } = rocAucOneVsRest(truth, scores, 3);
    expect(perClass[2]).toBeNaN();
    expect(macro).toBeNaN();
    expect(rocAucOneVsRest([0, 0], [0.9, 0.1, 0.8, 0.2], 2).perClass).toEqual([NaN, NaN]);
    expect(averagePrecision(truth, scores, 3)[2]).toBe(0);
  });

  it('give a constant score the area of chance', () => {
    expect(rocAucOneVsRest([0, 1, 1], new Float32Array(6).fill(0.5), 2)).toEqual({ perClass: [0.5, 0.5], macro: 0.5 });
  });

  it('keep the log loss of a probability of 0 finite', () => {
    expect(logLoss(truth, scores, 3)).toBeCloseTo(7.85250584279707, 13);
  });

  it('refuse labels and scores that do not belong together', () => {
    expect(() => logLoss([0, 1], [0.5, 0.5, 1], 2)).toThrow('3 scores do not belong to 2 samples of 2 classes');
    expect(() => averagePrecision([2], [0.5, 0.5], 2)).toThrow('sample 0 has class 2, of 2 classes');
    expect(() => rocAucOneVsRest([0.5], [0.5, 0.5], 2)).toThrow('sample 0 has class 0.5');
  });
});
