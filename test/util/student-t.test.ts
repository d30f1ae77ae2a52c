import { describe, expect, it } from 'vitest';
import { mean, sampleStd } from '../../src/util/statistics.js';
import { studentTQuantile, studentTWithin } from '../../src/util/student-t.js';

describe("Student's t", () => {
  // scipy.stats.t.ppf(0.975, df), which is right to nine digits.
  it.each([
    [1, 12.706204736432095],
    [2, 4.302652729911275],
    [3, 3.182446305284263],
    [4, 2.7764451051977987],
    [5, 2.5705818366147395],
    [9, 2.2621571627409915],
    [30, 2.0422724563012373],
  ])('of %i degrees of freedom stays within the quantile of scipy', (df, expected) => {
    expect(studentTQuantile(0.95, df)).toBeCloseTo(expected, 8);
    expect(studentTWithin(expected, df)).toBeCloseTo(0.95, 9);
  });
});

describe('mean and sample deviation', () => {
  it('divide by n and by n - 1', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(sampleStd([1, 2, 6])).toBeCloseTo(Math.sqrt(7), 14);
    expect(sampleStd([1])).toBeNaN();
  });
});
