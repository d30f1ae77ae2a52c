import type { Predictions } from './evaluate.js';
import { score } from './evaluate.js';
import { softmax } from './metrics/probabilities.js';

/** Below any probability that float64 knows, so that its logarithm is finite. */
const LEAST = Number.MIN_VALUE;

/**
 * Predictions of several networks, or of several views of the same images, as one: the mean of their probabilities. Its logits
 * are the logarithms of the means, whose softmax is the means again.
 *
 * @param weights of the members, of sum 1; all equal by default
 * @throws RangeError where members are not of the same images
 */
export function combine(
  members: readonly Predictions[],
  weights: readonly number[] = equal(members.length),
): Predictions {
  const { labels, logits } = requireSame(members);
  const classes = logits.length / labels.length;
  const means = new Float64Array(logits.length);
  members.forEach((member, m) => {
    softmax(member.logits, classes).forEach((p, i) => (means[i]! += weights[m]! * p));
  });
  return score(
    Float32Array.from(means, p => Math.log(Math.max(p, LEAST))),
    labels,
    classes,
  );
}

/** Weights of an ensemble's members, and how good they are; losses in nats an image. */
export interface FittedWeights {
  /** Of the members, each from 0 to 1, of sum 1. */
  readonly weights: readonly number[];
  /** Mean negative log-likelihood of the true classes under the weighted mean, and under the plain one. */
  readonly loss: number;
  readonly equalLoss: number;
  /** The loss is above the least possible by this much at most. */
  readonly gap: number;
  readonly iterations: number;
}

export const FIT_TOLERANCE = 1e-6;

/**
 * The weights of members whose weighted mean of probabilities has the least log loss. The loss is convex in the weights, so
 * that the best ones are found from any start; this one begins with equal weights, draws nothing, and multiplies each weight by
 * the member's mean share in the likelihood of the true class, which never raises the loss: Cover, "An algorithm for maximizing
 * expected log investment return", IEEE Transactions on Information Theory 30 (1984), which is also the EM algorithm of
 * mixture proportions. The largest of these factors, less 1, bounds what is left to gain.
 *
 * @throws RangeError where members are not of the same images
 */
export function fitWeights(
  members: readonly Predictions[],
  { tolerance = FIT_TOLERANCE, iterations: most = 100_000 } = {},
): FittedWeights {
  const { labels, logits } = requireSame(members);
  const classes = logits.length / labels.length;
  const likelihoods = members.map(member => {
    const p = softmax(member.logits, classes);
    return Float64Array.from(labels, (label, n) => Math.max(p[n * classes + label]!, LEAST));
  });
  const weights = equal(members.length);
  const mixed = new Float64Array(labels.length);
  const mix = () => {
    mixed.fill(0);
    likelihoods.forEach((own, m) => {
      for (let n = 0; n < own.length; n++) mixed[n]! += weights[m]! * own[n]!;
    });
    return mixed.reduce((sum, p) => sum - Math.log(p), 0) / labels.length;
  };
  const equalLoss = mix();
  let loss = equalLoss;
  for (let iterations = 0; ; iterations++) {
    const factors = likelihoods.map(own => own.reduce((sum, p, n) => sum + p / mixed[n]!, 0) / labels.length);
    const gap = Math.max(...factors) - 1;
    if (gap <= tolerance || iterations === most) return { weights, loss, equalLoss, gap: Math.max(gap, 0), iterations };
    factors.forEach((factor, m) => (weights[m]! *= factor));
    // Rounding would add up over many iterations.
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, m) => (weights[m] = weight / total));
    loss = mix();
  }
}

function equal(count: number): number[] {
  return new Array<number>(count).fill(1 / count);
}

function requireSame(members: readonly Predictions[]): Predictions {
  const first = members[0];
  if (!first) throw new RangeError('an ensemble has one member or more');
  for (const { labels, logits } of members) {
    if (labels.some((label, n) => label !== first.labels[n]) || logits.length !== first.logits.length) {
      throw new RangeError('members of an ensemble predict the same images and classes');
    }
  }
  return first;
}
