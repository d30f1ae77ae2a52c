/** Fewer discordant samples than this are judged by the exact test. */
const LEAST_FOR_CHI_SQUARED = 25;

/** McNemar's test of two runs on the same samples. */
export interface McNemar {
  /** Samples that only the first run, and only the second, got right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly bothRight: number;
  readonly bothWrong: number;
  readonly method: 'exact binomial' | 'chi-squared with continuity correction';
  /** Chi-squared with one degree of freedom; null where the test is exact. */
  readonly statistic: number | null;
  /** Two-sided: how often runs of equal accuracy would differ by as much or more. */
  readonly pValue: number;
}

/**
 * Whether two runs differ in accuracy: McNemar, "Note on the sampling error of the difference between correlated proportions or
 * percentages", Psychometrika 12 (1947), with Edwards' correction for continuity; with few discordant samples the binomial
 * test that it approximates.
 *
 * @throws RangeError where the lengths differ
 */
export function mcnemar(truth: ArrayLike<number>, first: ArrayLike<number>, second: ArrayLike<number>): McNemar {
  if (first.length !== truth.length || second.length !== truth.length) {
    throw new RangeError(`McNemar's test: ${truth.length} labels, ${first.length} and ${second.length} predictions`);
  }
  const counts = { onlyFirst: 0, onlySecond: 0, bothRight: 0, bothWrong: 0 };
  for (let i = 0; i < truth.length; i++) {
    const [a, b] = [first[i] === truth[i], second[i] === truth[i]];
    counts[a ? (b ? 'bothRight' : 'onlyFirst') : b ? 'onlySecond' : 'bothWrong']++;
  }
  const { onlyFirst, onlySecond } = counts;
  const discordant = onlyFirst + onlySecond;
  if (discordant < LEAST_FOR_CHI_SQUARED) {
    const pValue = Math.min(1, 2 * binomialBelow(Math.min(onlyFirst, onlySecond), discordant));
    return { ...counts, method: 'exact binomial', statistic: null, pValue };
  }
  // The correction never turns a small difference into one of the other sign.
  const statistic = Math.max(Math.abs(onlyFirst - onlySecond) - 1, 0) ** 2 / discordant;
  return {
    ...counts,
    method: 'chi-squared with continuity correction',
    statistic,
    pValue: erfc(Math.sqrt(statistic / 2)),
  };
}

/**
 * Holm's adjustment of several p-values (Scandinavian Journal of Statistics 6, 1979), in the order given: each is to be
 * compared with the level that the whole family is to keep.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * pValues[i]!));
    adjusted[i] = highest;
  });
  return adjusted;
}

/** Probability of `k` or fewer heads in `n` throws of a fair coin; n is small. */
function binomialBelow(k: number, n: number): number {
  let ways = 1;
  let total = 0;
  for (let i = 0; i <= k; i++) {
    total += ways;
    ways = (ways * (n - i)) / (i + 1);
  }
  return total / 2 ** n;
}

/**
 * The complementary error function for x of 0 or more: below 2 by the series of erf, Abramowitz and Stegun 7.1.6, above by
 * the continued fraction 7.1.14; the relative error stays below 1e-13.
 */
export function erfc(x: number): number {
  const factor = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = 2 * x;
    let total = term;
    for (let n = 1; term > 1e-17 * total; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return 1 - factor * total;
  }
  let fraction = x;
  for (let n = 100; n > 0; n--) fraction = x + n / 2 / fraction;
  return factor / fraction;
}
