import type { Predictions } from '../evaluate.js';

/** An image that is shown with its map. */
export interface Example {
  readonly image: number;
  readonly label: number;
  readonly predicted: number;
  /** Probability of the predicted class. */
  readonly confidence: number;
}

/**
 * Of each class the images that the network was surest of and right about, and those that it was surest of and wrong about, up
 * to `each` of both: class by class, the right ones first.
 */
export function chooseExamples(
  { count, labels, predictions, logits }: Predictions,
  classes: number,
  each: number,
): Example[] {
  const all = Array.from({ length: count }, (_, image): Example => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const highest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((total, value) => total + Math.exp(value - highest), 0);
    return { image, label: labels[image]!, predicted: predictions[image]!, confidence: 1 / sum };
  });
  all.sort((a, b) => b.confidence - a.confidence || a.image - b.image);
  return Array.from({ length: classes }, (_, k) => {
    const own = all.filter(({ label }) => label === k);
    const right = own.filter(({ predicted }) => predicted === k).slice(0, each);
    return [...right, ...own.filter(({ predicted }) => predicted !== k).slice(0, each)];
  }).flat();
}
