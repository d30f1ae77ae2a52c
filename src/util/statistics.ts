/** The value below which `share` of the sorted samples lies, interpolated between neighbours. NaN for none. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below] ?? NaN, sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN];
  return low + (place - below) * (high - low);
}

/** The value in the middle, in any order given; the mean of both middle ones where their number is even. */
export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
