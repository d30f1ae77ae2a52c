import { UserError } from '../../util/errors.js';
import type { Predictions } from '../evaluate.js';
import { negativeLogLikelihoods, softmax } from '../metrics/probabilities.js';

/** What a network answers on a split, as metrics and error analysis look at it. */
export interface Answers {
  readonly count: number;
  readonly classes: readonly string[];
  /** (count) true classes. */
  readonly labels: Uint8Array;
  /** (count) predicted classes. */
  readonly predictions: Uint8Array;
  /** (count,K), row-major, and their softmax. */
  readonly logits: Float32Array;
  readonly probabilities: Float64Array;
  /** (count) probability of the predicted class. */
  readonly confidence: Float64Array;
  /** (count) 1 where the prediction is the label, else 0. */
  readonly correct: Uint8Array;
  /** (count) cross-entropy against the label. */
  readonly losses: Float64Array;
}

/**
 * Answers from predictions.
 * @throws {UserError} where the network put out values that are not finite
 */
export function answersOf(predictions: Predictions, classes: readonly string[]): Answers {
  const { count, labels, logits } = predictions;
  const K = classes.length;
  const bad = logits.findIndex(value => !Number.isFinite(value));
  if (bad >= 0) {
    throw new UserError(
      `the network puts out ${logits[bad]!} for image ${Math.floor(bad / K)}, class ${classes[bad % K]!}: its weights ` +
        'have diverged, or its input is not normalised as in training',
    );
  }
  const probabilities = softmax(logits, K);
  return {
    ...{ count, classes, labels, predictions: predictions.predictions, logits, probabilities },
    confidence: Float64Array.from(predictions.predictions, (k, i) => probabilities[i * K + k]!),
    correct: Uint8Array.from(labels, (label, i) => (label === predictions.predictions[i] ? 1 : 0)),
    losses: negativeLogLikelihoods(labels, logits, K),
  };
}
