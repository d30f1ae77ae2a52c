import { UserError } from '../../util/errors.js';

/** Ways to weigh classes by their frequency. */
export const WEIGHT_SCHEMES = ['balanced', 'inverse-sqrt', 'effective'] as const;

/** Cui et al. take 0.9, 0.99, 0.999 and 0.9999, by data set. */
const DEFAULT_BETA = 0.999;

/** Weights further apart than this make steps of a batch with a rare image so much larger that training can diverge. */
export const RATIO_TO_WARN_OF = 10;

/** How classes are weighed: by a scheme, or as the user says. */
export type ClassWeighting =
  | { readonly scheme: 'balanced' | 'inverse-sqrt' }
  | { readonly scheme: 'effective'; readonly beta: number }
  | { readonly scheme: 'given'; readonly weights: readonly number[] };

/**
 * Reads `balanced`, `inverse-sqrt`, `effective`, `effective:<beta>`, or one weight for each class between commas;
 * undefined for `none`.
 *
 * @throws {UserError} where it is none of them
 */
export function parseClassWeighting(text: string): ClassWeighting | undefined {
  if (text === 'none') return undefined;
  if (text === 'balanced' || text === 'inverse-sqrt') return { scheme: text };
  const effective = /^effective(?::(.*))?$/.exec(text);
  if (effective) {
    const beta = effective[1] === undefined ? DEFAULT_BETA : parseNumber(effective[1]);
    if (!(beta >= 0 && beta < 1)) throw new UserError(`'${text}': beta of effective is from 0 to below 1`);
    return { scheme: 'effective', beta };
  }
  const weights = text.split(',').map(parseNumber);
  if (weights.length > 1 && weights.every(weight => weight > 0)) return { scheme: 'given', weights };
  throw new UserError(
    `'${text}': class weights are none, ${WEIGHT_SCHEMES.join(', ')}[:beta], ` +
      'or a number above 0 for each class, between commas',
  );
}

function parseNumber(text: string): number {
  return /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
}

/**
 * A weight for each class from its number of images n_c, of n images in K classes:
 *
 * - `balanced`: n / (K n_c), as scikit-learn's class_weight='balanced'; every class contributes the same
 * - `inverse-sqrt`: proportional to 1 / √n_c, half way there on a logarithmic scale
 * - `effective`: proportional to (1 - β) / (1 - β^n_c), one over the effective number of images (Cui, Jia, Lin, Song
 *   and Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019)
 *
 * The last two are scaled to sum to K, as Cui et al. do. The scale cancels in a loss that is a weighted mean.
 *
 * @param names of the classes, for messages
 * @throws {UserError} where a class has no images, or as many weights as classes were not given
 */
export function classWeights(weighting: ClassWeighting, counts: readonly number[], names: readonly string[]): number[] {
  requireEveryClass(counts, names);
  const total = counts.reduce((sum, count) => sum + count, 0);
  switch (weighting.scheme) {
    case 'balanced':
      return counts.map(count => total / (counts.length * count));
    case 'inverse-sqrt':
      return summingToCount(counts.map(count => 1 / Math.sqrt(count)));
    case 'effective': {
      const { beta } = weighting;
      // 1 - β^n = -expm1(n log β), without the loss of digits where β is all but 1; β of 0 is every class alike.
      return summingToCount(counts.map(count => (beta === 0 ? 1 : (1 - beta) / -Math.expm1(count * Math.log(beta)))));
    }
    case 'given':
      if (weighting.weights.length !== counts.length) {
        throw new UserError(
          `${weighting.weights.length} class weights were given for ${counts.length} classes: ${names.join(', ')}`,
        );
      }
      return [...weighting.weights];
  }
}

/** @throws {UserError} where a class has no images: no weight and no sampler can make up for that */
export function requireEveryClass(counts: readonly number[], names: readonly string[]): void {
  const empty = names.filter((_, k) => counts[k] === 0);
  if (empty.length === 0) return;
  throw new UserError(
    `no training image of ${empty.join(', ')}: class weights and balancing samplers need images of every class; ` +
      'leave them out, or the class',
  );
}

/** What is wrong with weights that are very far apart, or undefined. */
export function weightWarning(weights: readonly number[], names: readonly string[]): string | undefined {
  const most = Math.max(...weights);
  const least = Math.min(...weights);
  if (most <= RATIO_TO_WARN_OF * least) return undefined;
  const name = (weight: number) => names[weights.indexOf(weight)]!;
  return (
    `${name(most)} weighs ${(most / least).toFixed(1)} times as much as ${name(least)}: a batch with one such image ` +
    'moves the network that much further, and the loss can stop being finite; inverse-sqrt is gentler, a smaller --lr safer'
  );
}

function summingToCount(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => (weight * weights.length) / sum);
}
