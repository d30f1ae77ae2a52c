import { describe, expect, it } from 'vitest';
import { weightedCalibrationError, binOf, calibration } from '../../../src/evaluate/metrics/calibration.js';
import { thin } from '../../../src/evaluate/metrics/curves.js';
import { erfc } from '../../../src/evaluate/metrics/mcnemar.js';
import { bootstrap, holm, mcnemar, normaliseRows, softmax } from '../../../src/evaluate/metrics/index.js';

describe('bootstrap', () => {
  const correct = Array.from({ length: 400 }, (_, i) => (i % 10 < 7 ? 1 : 0));
  const mean = (weights: Uint16Array) => [correct.reduce<number>((sum, hit, i) => sum + hit * weights[i]!, 0) / 400];

  it('holds a share of right answers about as wide as its normal approximation does', () => {
    const [interval] = bootstrap(400, mean);
    // 0.7 ± 1.96 √(0.7 · 0.3 / 400); 1,000 resamples find its ends to about 0.004.
    expect(interval!.low).toBeGreaterThan(0.6551 - 0.01);
    expect(interval!.low).toBeLessThan(0.6551 + 0.01);
    expect(interval!.high).toBeGreaterThan(0.7449 - 0.01);
    expect(interval!.high).toBeLessThan(0.7449 + 0.01);
  });

  it('depends on its seed alone', () => {
    expect(bootstrap(400, mean, { seed: 3 })).toEqual(bootstrap(400, mean, { seed: 3 }));
    expect(bootstrap(400, mean, { seed: 4 })).not.toEqual(bootstrap(400, mean, { seed: 3 }));
  });

  it('draws as many samples as there are, and narrows with the level', () => {
    const totals = new Set<number>();
    const count = (weights: Uint16Array) => {
      totals.add(weights.reduce((a, b) => a + b, 0));
      return mean(weights);
    };
    const [wide] = bootstrap(400, count, { resamples: 50 });
    const [narrow] = bootstrap(400, count, { resamples: 50, level: 0.5 });
    expect([...totals]).toEqual([400]);
    expect(narrow!.high - narrow!.low).toBeLessThan(wide!.high - wide!.low);
  });

  it('leaves out what a resample does not have', () => {
    let calls = 0;
    const [sometimes, never] = bootstrap(10, () => [calls++ % 2 === 0 ? 1 : NaN, NaN], { resamples: 20 });
    expect(sometimes).toEqual({ low: 1, high: 1 });
    expect(never).toBeNull();
  });
});

describe('tests of significance', () => {
  it('adjusts p-values by Holm', () => {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), 'holm')
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((value, i) => {
      expect(adjusted[i]).toBeCloseTo(value, 15);
    });
    expect(holm([0.7, 0.6])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  it('refuses runs over other samples', () => {
    expect(() => mcnemar([0, 1], [0], [0, 1])).toThrow('2 labels, 1 and 2 predictions');
  });

  it.each([
    // scipy.special.erfc
    [0, 1],
    [0.1, 0.8875370839817152],
    [1.9999, 0.00467980209297061],
    [2, 0.004677734981047266],
    [3, 2.2090496998585445e-5],
    [5, 1.5374597944280347e-12],
    [10, 2.0884875837625446e-45],
  ])('has erfc(%d)', (x, value) => {
    expect(Math.abs(erfc(x) / value - 1)).toBeLessThan(1e-12);
  });
});

it('a bin holds its upper edge', () => {
  expect([0, 0.1, 0.1001, 0.5, 1].map(value => binOf(value, 10))).toEqual([0, 0, 1, 4, 9]);
});

it('the calibration error of samples that weigh once is that of the bins', () => {
  const confidence = [0.31, 0.34, 0.5, 0.9, 0.97, 1];
  const correct = [0, 1, 1, 1, 0, 1];
  const weighted = weightedCalibrationError(
    confidence.map(value => binOf(value)),
    confidence,
    correct,
    new Array<number>(6).fill(1),
  );
  expect(weighted).toBeCloseTo(calibration(confidence, correct).expectedError, 15);
});

it('softmax is not troubled by large logits', () => {
  const p = softmax(Float32Array.of(1000, 1000, 0, -1000, -1000, -1001), 3);
  expect([...p].map(value => Number(value.toFixed(6)))).toEqual([0.5, 0.5, 0, 0.422319, 0.422319, 0.155362]);
});

it('rows without samples are no shares', () => {
  expect(
    normaliseRows([
      [1, 3],
      [0, 0],
    ]),
  ).toEqual([[0.25, 0.75], null]);
});

it('thinning keeps both ends and leaves out what lies close', () => {
  const xs = Array.from({ length: 10_001 }, (_, i) => i / 10_000);
  const { x, y } = thin(xs, xs);
  expect(x.length).toBeLessThan(400);
  expect([x[0], y.at(-1)]).toEqual([0, 1]);
  expect(thin([], [])).toEqual({ x: [], y: [] });
});
