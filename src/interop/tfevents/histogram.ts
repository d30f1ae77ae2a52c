/** A histogram as TensorFlow keeps it: `bucket[i]` values lie above `bucketLimit[i - 1]` (the first: from `min`) and up to `bucketLimit[i]`. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly bucketLimit: readonly number[];
  readonly bucket: readonly number[];
}

/** Limits of buckets for positive values: each a tenth above the one before, as tensorflow/core/lib/histogram has them. */
const positive: number[] = [];
for (let limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push(limit);
const LIMITS = [...positive.map(limit => -limit).reverse(), 0, ...positive, Number.MAX_VALUE];

/**
 * The histogram of weights, gradients and the like: buckets grow by a tenth with the distance from 0, so that it shows
 * any magnitude. Only what lies between the least value and the largest is kept of them.
 * @throws RangeError where a value is not finite or there is none
 */
export function histogramOf(values: ArrayLike<number>): Histogram {
  if (values.length === 0) throw new RangeError('a histogram needs a value');
  const counts = new Float64Array(LIMITS.length);
  let [min, max, sum, sumSquares] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) throw new RangeError(`value ${i} of a histogram is ${value}`);
    counts[bucketOf(value)]!++;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumSquares += value * value;
  }
  const [first, last] = [bucketOf(min), bucketOf(max)];
  return {
    ...{ min, max, num: values.length, sum, sumSquares },
    bucketLimit: LIMITS.slice(first, last + 1),
    bucket: [...counts.subarray(first, last + 1)],
  };
}

/** The first bucket whose limit is not below `value`. */
function bucketOf(value: number): number {
  let [low, high] = [0, LIMITS.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (LIMITS[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
