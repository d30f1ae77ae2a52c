/** The first of the highest. */
export function topOf(probabilities: readonly number[] | undefined): number | undefined {
  if (!probabilities || probabilities.length === 0) return undefined;
  return probabilities.reduce((best, p, k) => (p > probabilities[best]! ? k : best), 0);
}
