import Benchmark from 'benchmark';
import { quantile } from '../util/statistics.js';

/** Has Benchmark.js call `run` for at least `seconds`, and gives the milliseconds of each call. */
export function measure(run: () => Promise<void>, seconds: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const timed: Benchmark = new Benchmark({
      defer: true,
      // A sample is one call, however short: 0 would stand for 50 ms.
      ...{ minTime: 1e-9, minSamples: 1, maxTime: seconds },
      delay: 0,
      fn: (deferred: { resolve: () => void }) => {
        run().then(
          () => {
            deferred.resolve();
          },
          (error: unknown) => {
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      },
      onComplete: () => {
        resolve(timed.stats.sample.map(sample => 1000 * sample));
      },
    });
    timed.run({ async: true });
  });
}

/** One contestant's figures in one case. */
export interface Figures {
  /** Of one launch, or one batch, or one command. */
  readonly medianMs: number;
  /** Range that holds the middle half of the samples, over the median; 0.1 is 10 %. */
  readonly spread: number;
  /** Only where every sample is one batch: what 99 of 100 stay below. */
  readonly p99Ms?: number;
  readonly samples: number;
  readonly rate: number;
  readonly unit: string;
}

/** Samples for which a 99th percentile says something. */
const LEAST_FOR_P99 = 100;

/** `amount`: units of work in one sample. */
export function figuresOf(samples: readonly number[], amount: number, unit: string, latency: boolean): Figures {
  const sorted = [...samples].sort((a, b) => a - b);
  const medianMs = quantile(sorted, 0.5);
  return {
    medianMs,
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / medianMs,
    ...(latency && sorted.length >= LEAST_FOR_P99 ? { p99Ms: quantile(sorted, 0.99) } : {}),
    samples: sorted.length,
    rate: amount / (medianMs / 1000),
    unit,
  };
}
