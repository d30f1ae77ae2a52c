import { RandomStream } from '../../util/random.js';
import { quantile } from '../../util/statistics.js';

/** A confidence interval, in the unit of its metric; NaN where no resample has a value. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How intervals are drawn (percentile bootstrap: Efron and Tibshirani, 1993). */
export interface BootstrapOptions {
  /** 1,000 by default. */
  readonly resamples?: number;
  /** 0 by default. */
  readonly seed?: number;
  /** Share of the resamples that an interval holds; 0.95 by default. */
  readonly level?: number;
}

/** What is taken where `BootstrapOptions` say nothing. */
export const bootstrapDefaults = { resamples: 1000, seed: 0, level: 0.95 } as const;

/** Draws of resamples; no other part of the program uses this stream. */
const STREAM = 0x62_6f_6f_74;

/**
 * Percentile intervals (Efron 1979) of figures of `count` samples: each resample draws `count` of them with replacement,
 * and an interval runs between the quantiles of the figures found.
 *
 * @param statistics the figures of a resample that holds each sample `weights[i]` times, always in the same order; NaN where
 * a resample has none, which the quantiles then leave out. The array is used again.
 * @returns an interval for each figure, null where no resample has it
 */
export function bootstrap(
  count: number,
  statistics: (weights: Uint16Array) => readonly number[],
  options: BootstrapOptions = {},
): (Interval | null)[] {
  const { resamples, seed, level } = { ...bootstrapDefaults, ...options };
  const weights = new Uint16Array(count);
  const found: number[][] = [];
  for (let r = 0; r < resamples; r++) {
    const random = new RandomStream(seed, STREAM, r);
    weights.fill(0);
    for (let i = 0; i < count; i++) weights[random.integer(count)]!++;
    statistics(weights).forEach((value, s) => {
      const values = (found[s] ??= []);
      if (!Number.isNaN(value)) values.push(value);
    });
  }
  const tail = (1 - level) / 2;
  return found.map(values => {
    if (values.length === 0) return null;
    values.sort((a, b) => a - b);
    return { low: quantile(values, tail), high: quantile(values, 1 - tail) };
  });
}
