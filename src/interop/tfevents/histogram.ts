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
const ZERO = positive.length;

/** What lies closer to 0 than this share of the largest value is not told apart: TensorBoard's axis is linear. */
const SMALL = 1e-3;

/**
 * The histogram of weights, gradients and the like: buckets grow by a tenth with the distance from 0, so that it shows any
 * magnitude, and empty ones that follow each other are one. It has 150 at most, 2.4 kB in a file, whatever the values are.
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
  const small = SMALL * Math.max(-min, max);
  const [first, last] = [bucketOf(min), bucketOf(max)];
  const buckets: [limit: number, count: number][] = [];
  let count = 0;
  for (let i = first; i <= last; i++) {
    count += counts[i]!;
    const limit = LIMITS[i]!;
    // The last bucket, and that up to 0, end where they do.
    if (i !== last && i !== ZERO && Math.abs(limit) < small) continue;
    const before = buckets.at(-1);
    if (before && before[1] === 0 && count === 0) before[0] = limit;
    else buckets.push([limit, count]);
    count = 0;
  }
  return {
    ...{ min, max, num: values.length, sum, sumSquares },
    bucketLimit: buckets.map(([limit]) => limit),
    bucket: buckets.map(([, count]) => count),
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
