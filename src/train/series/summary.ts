import { mean, sampleStd } from '../../util/statistics.js';
import { studentTQuantile } from '../../util/student-t.js';
import type { TrainSummary } from '../types.js';
import type { SeriesKind, SeriesPlan } from './plan.js';

export const FIGURES = ['bestValAccuracy', 'bestValLoss', 'testAccuracy', 'testLoss'] as const;

export type Figure = (typeof FIGURES)[number];

/** What is known of a run of a series that has finished; the figures are those of its `summary.json`. */
export interface MemberResult extends Pick<
  TrainSummary,
  'epochs' | 'bestEpoch' | 'seconds' | 'imagesPerSecond' | Figure
> {
  /** Name of its folder. */
  run: string;
}

export interface Statistic {
  /** Runs. */
  count: number;
  mean: number;
  /** Sample standard deviation, from two runs on. */
  std?: number;
  /** Ends of the 95 % confidence interval of the mean, where the runs are independent of each other. */
  interval?: [number, number];
}

/** The content of `folds.json` or `repeats.json`. */
export interface SeriesSummary extends SeriesPlan {
  /** Those that have finished. */
  runs: MemberResult[];
  statistics: Partial<Record<Figure, Statistic>>;
}

export function memberResult(run: string, summary: TrainSummary): MemberResult {
  const { epochs, bestEpoch, seconds, imagesPerSecond } = summary;
  const figures = FIGURES.flatMap(key => (summary[key] === undefined ? [] : [[key, summary[key]] as const]));
  return { run, epochs, bestEpoch, ...Object.fromEntries(figures), seconds, imagesPerSecond };
}

/**
 * Mean and sample standard deviation of each figure over runs, and of repeats the 95 % interval of the mean by Student's t.
 * Folds get no interval: their training images overlap, and no estimate of the variance of their mean is without bias (Bengio
 * and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", JMLR 5, 2004).
 */
export function statisticsOf(runs: readonly MemberResult[], kind: SeriesKind): Partial<Record<Figure, Statistic>> {
  const statistics = FIGURES.flatMap(key => {
    const values = runs.flatMap(run => (run[key] === undefined ? [] : [run[key]]));
    return values.length === 0 ? [] : [[key, statisticOf(values, kind === 'repeats')] as const];
  });
  return Object.fromEntries(statistics);
}

/** `interval`: whether the values are independent of each other. */
export function statisticOf(values: readonly number[], interval: boolean): Statistic {
  const count = values.length;
  const centre = mean(values);
  if (count < 2) return { count, mean: centre };
  const std = sampleStd(values);
  const half = (studentTQuantile(0.95, count - 1) * std) / Math.sqrt(count);
  return { count, mean: centre, std, ...(interval ? { interval: [centre - half, centre + half] } : {}) };
}
