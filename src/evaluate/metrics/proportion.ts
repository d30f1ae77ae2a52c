import type { Interval } from './bootstrap.js';

/** Of a normal distribution, 95 % lies this many standard deviations around the mean. */
const Z = 1.959963984540054;

/**
 * The 95 % interval of a share of which `hits` of `count` samples were found (Wilson 1927), which stays within 0 and 1 for
 * small counts too; null for no samples.
 */
export function wilson(hits: number, count: number): Interval | null {
  if (count === 0) return null;
  const share = hits / count;
  const scale = 1 + Z ** 2 / count;
  const centre = (share + Z ** 2 / (2 * count)) / scale;
  const half = (Z * Math.sqrt((share * (1 - share)) / count + Z ** 2 / (4 * count ** 2))) / scale;
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
