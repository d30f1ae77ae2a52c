/** Samples whose confidence, the probability of the predicted class, lies above `lower` and not above `upper`. */
export interface ReliabilityBin {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Mean confidence and accuracy; null where the bin is empty. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** How far confidence is from accuracy, from 0 to 1 (Guo et al., ICML 2017). */
export interface Calibration {
  /** Expected calibration error: mean of |accuracy - confidence| over the bins, weighted by their samples. */
  readonly expectedError: number;
  /** The largest of a bin that is not empty. */
  readonly maximumError: number;
  readonly bins: readonly ReliabilityBin[];
}

/** As in Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017. */
export const RELIABILITY_BINS = 15;

/**
 * Compares confidence with accuracy in bins of equal width.
 *
 * @param confidence (N) probability of each prediction
 * @param correct (N) 1 where the prediction is right, else 0
 */
export function calibration(
  confidence: ArrayLike<number>,
  correct: ArrayLike<number>,
  bins = RELIABILITY_BINS,
): Calibration {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, correct: 0 }));
  for (let i = 0; i < confidence.length; i++) {
    const bin = sums[binOf(confidence[i]!, bins)]!;
    bin.count++;
    bin.confidence += confidence[i]!;
    bin.correct += correct[i]!;
  }
  const gaps = sums.map(bin => Math.abs(bin.correct - bin.confidence));
  return {
    expectedError: gaps.reduce((a, b) => a + b, 0) / confidence.length,
    maximumError: Math.max(...gaps.map((gap, b) => gap / Math.max(sums[b]!.count, 1))),
    bins: sums.map(({ count, confidence, correct }, b) => ({
      lower: b / bins,
      upper: (b + 1) / bins,
      count,
      confidence: count === 0 ? null : confidence / count,
      accuracy: count === 0 ? null : correct / count,
    })),
  };
}

/**
 * The expected calibration error of samples that count `weights` times.
 *
 * @param bin (N) each sample's bin, of `binOf`
 */
export function weightedCalibrationError(
  bin: ArrayLike<number>,
  confidence: ArrayLike<number>,
  correct: ArrayLike<number>,
  weights: ArrayLike<number>,
  bins = RELIABILITY_BINS,
): number {
  const gaps = new Float64Array(bins);
  let total = 0;
  for (let i = 0; i < bin.length; i++) {
    gaps[bin[i]!]! += weights[i]! * (correct[i]! - confidence[i]!);
    total += weights[i]!;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}

/** The bin of a confidence; a bin's upper edge belongs to it. */
export function binOf(confidence: number, bins = RELIABILITY_BINS): number {
  return Math.min(Math.max(Math.ceil(confidence * bins) - 1, 0), bins - 1);
}
