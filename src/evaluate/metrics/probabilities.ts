/** Metrics of probabilities (N, K), row-major, in float64. */

/** Probabilities of logits (N,K): each row's softmax. */
export function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  const probabilities = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    let highest = -Infinity;
    for (let i = start; i < start + classes; i++) highest = Math.max(highest, logits[i]!);
    let total = 0;
    for (let i = start; i < start + classes; i++) total += probabilities[i] = Math.exp(logits[i]! - highest);
    for (let i = start; i < start + classes; i++) probabilities[i]! /= total;
  }
  return probabilities;
}

/** Negative log-likelihood of each sample's true class (N), straight from logits, so that nothing underflows. */
export function negativeLogLikelihoods(
  truth: ArrayLike<number>,
  logits: ArrayLike<number>,
  classes: number,
): Float64Array {
  checkScores(truth, logits, classes);
  return Float64Array.from({ length: truth.length }, (_, i) => {
    return logSumExp(logits, i * classes, classes) - logits[i * classes + truth[i]!]!;
  });
}

/**
 * Mean cross-entropy of logits against distributions (N,K), -Σ q log p, natural logarithm, and the mean entropy of the
 * distributions, below which it cannot fall.
 */
export function softCrossEntropy(
  targets: ArrayLike<number>,
  logits: ArrayLike<number>,
  classes: number,
): { readonly crossEntropy: number; readonly entropy: number } {
  if (targets.length !== logits.length) {
    throw new RangeError(`${targets.length} target probabilities do not belong to ${logits.length} logits`);
  }
  const count = logits.length / classes;
  let crossEntropy = 0;
  let entropy = 0;
  for (let n = 0; n < count; n++) {
    const normaliser = logSumExp(logits, n * classes, classes);
    for (let i = n * classes; i < (n + 1) * classes; i++) {
      const q = targets[i]!;
      // 0 log 0 is 0, and a class that was never meant may be as improbable as it likes.
      if (q === 0) continue;
      crossEntropy += q * (normaliser - logits[i]!);
      entropy -= q * Math.log(q);
    }
  }
  return { crossEntropy: crossEntropy / count, entropy: entropy / count };
}

/**
 * Mean negative log-likelihood of the true classes. Probabilities are kept 2^-52 away from 0 and 1 and then scaled to
 * sum to 1, as scikit-learn does for float64.
 */
export function logLoss(truth: ArrayLike<number>, probabilities: ArrayLike<number>, classes: number): number {
  checkScores(truth, probabilities, classes);
  let total = 0;
  for (let i = 0; i < truth.length; i++) {
    let rowSum = 0;
    for (let k = 0; k < classes; k++) rowSum += clip(probabilities[i * classes + k]!);
    total -= Math.log(clip(probabilities[i * classes + truth[i]!]!) / rowSum);
  }
  return total / truth.length;
}

/**
 * Of each sample (N), whether its true class is among the `k` of the highest scores: 1 or 0. Of equal scores the class of
 * the lower number goes first, as in a prediction (scikit-learn's `top_k_accuracy_score` puts the higher number first).
 */
export function topKHits(
  truth: ArrayLike<number>,
  scores: ArrayLike<number>,
  classes: number,
  k: number,
): Uint8Array<ArrayBuffer> {
  checkScores(truth, scores, classes);
  return Uint8Array.from({ length: truth.length }, (_, i) => {
    const label = truth[i]!;
    const own = scores[i * classes + label]!;
    let before = 0;
    for (let c = 0; c < classes; c++) {
      const score = scores[i * classes + c]!;
      if (score > own || (score === own && c < label)) before++;
    }
    return before < k ? 1 : 0;
  });
}

/** Share of samples whose true class is among the `k` of the highest scores. */
export function topKAccuracy(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number, k: number): number {
  return topKHits(truth, scores, classes, k).reduce((total, hit) => total + hit, 0) / truth.length;
}

/** @throws RangeError where scores and labels do not belong together */
export function checkScores(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): void {
  if (scores.length !== truth.length * classes) {
    throw new RangeError(`${scores.length} scores do not belong to ${truth.length} samples of ${classes} classes`);
  }
  for (let i = 0; i < truth.length; i++) {
    const label = truth[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(`sample ${i} has class ${label}, of ${classes} classes`);
    }
  }
}

function logSumExp(logits: ArrayLike<number>, start: number, classes: number): number {
  let highest = -Infinity;
  for (let i = start; i < start + classes; i++) highest = Math.max(highest, logits[i]!);
  let total = 0;
  for (let i = start; i < start + classes; i++) total += Math.exp(logits[i]! - highest);
  return Math.log(total) + highest;
}

function clip(probability: number): number {
  return Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON);
}
