import { expect, it } from 'vitest';
import { compareRuns, compareWith, type NamedPredictions } from '../../src/evaluate/compare.js';

const labels = Uint8Array.from({ length: 100 }, (_, i) => i % 4);

/** Right but for `wrong`. */
function run(name: string, wrong: (i: number) => boolean): NamedPredictions {
  const predictions = labels.map((label, i) => (wrong(i) ? (label + 1) % 4 : label));
  return { name, predictions: { labels, predictions } };
}

const good = run('good', i => i < 10);
const worse = run('worse', i => i < 40);
const same = run('same', i => i >= 90);

it('compares a run with others, by counts of images that only one got right', () => {
  const [first, second] = compareWith(good, [worse, same], { resamples: 300 });
  expect(first).toMatchObject({ first: 'good', second: 'worse', onlyFirst: 30, onlySecond: 0, bothWrong: 10 });
  expect(first!.difference).toBeCloseTo(0.3, 15);
  // (30 - 1)² / 30 = 28.03: scipy.stats.chi2.sf(28.033333333333335, 1)
  expect(first!.pValue).toBeCloseTo(1.1924366854416797e-7, 15);
  expect(first!.adjustedPValue).toBeCloseTo(2 * first!.pValue, 15);
  expect(first!.differenceInterval!.low).toBeGreaterThan(0.2);
  expect(first!.differenceInterval!.high).toBeLessThan(0.4);
  expect(second).toMatchObject({ onlyFirst: 10, onlySecond: 10, difference: 0, pValue: 1, adjustedPValue: 1 });
  expect(second!.differenceInterval!.low).toBeLessThan(0);
});

it('compares every run with every other', () => {
  const pairs = compareRuns([good, worse, same], { resamples: 100 }).map(({ first, second }) => `${first} ${second}`);
  expect(pairs).toEqual(['good worse', 'good same', 'worse same']);
});

it('refuses runs on other images', () => {
  const other = { name: 'other', predictions: { labels: labels.slice().reverse(), predictions: labels } };
  expect(() => compareWith(good, [other])).toThrow('good and other were evaluated on other images');
});
