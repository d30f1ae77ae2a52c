import { RandomStream } from '../../util/random.js';
import { UserError } from '../../util/errors.js';
import { epochOrder } from '../dataset.js';
import { countLabels } from '../stats.js';
import { DATA_STREAM } from '../streams.js';
import {
  classWeights,
  parseClassWeighting,
  RATIO_TO_WARN_OF,
  requireEveryClass,
  type ClassWeighting,
} from './class-weights.js';

/** Which images an epoch shows, in which order. It depends on the epoch and what it was made of alone. */
export interface Sampler {
  /** Images of an epoch. */
  readonly length: number;
  /** How often an image of each class comes, up to a common factor; absent where every image comes once. */
  readonly frequencies?: readonly number[];
  /** Indices into the split, (length); an image may come several times. */
  readonly order: (epoch: number) => Uint32Array;
}

export type SamplerChoice =
  { readonly kind: 'shuffle' | 'oversample' } | { readonly kind: 'weighted'; readonly weighting: ClassWeighting };

/**
 * Reads the name of a sampler:
 *
 * - `shuffle`: every image once
 * - `weighted[:<weights>]`: as many images as there are, drawn with replacement; an image of class c is drawn with a
 *   probability proportional to the class's weight (class-weights.ts; by default `balanced`: every class is as
 *   frequent)
 * - `oversample`: every image as often as it takes for its class to reach the largest class; what is left over is drawn
 *   anew for each epoch, without replacement
 *
 * @throws {UserError} where there is no such sampler
 */
export function parseSampler(text: string): SamplerChoice {
  if (text === 'shuffle' || text === 'oversample') return { kind: text };
  const weighted = /^weighted(?::(.*))?$/.exec(text);
  const weighting = weighted ? parseClassWeighting(weighted[1] ?? 'balanced') : undefined;
  if (weighting) return { kind: 'weighted', weighting };
  throw new UserError(`'${text}': samplers are shuffle, weighted[:<class weights>] and oversample`);
}

/**
 * The sampler of `choice` for images with these labels.
 *
 * @param names of the classes
 * @throws {UserError} where a sampler that balances finds a class without images
 */
export function createSampler(
  choice: SamplerChoice,
  labels: Uint8Array,
  names: readonly string[],
  seed: number,
): Sampler {
  const counts = countLabels(labels, names.length);
  switch (choice.kind) {
    case 'shuffle':
      return { length: labels.length, order: epoch => epochOrder(labels.length, seed, epoch) };
    case 'weighted':
      return weightedSampler(labels, counts, classWeights(choice.weighting, counts, names), seed);
    case 'oversample':
      requireEveryClass(counts, names);
      return oversampler(labels, counts, seed);
  }
}

/** What is wrong with a sampler that shows some images very much more often than others, or undefined. */
export function samplerWarning({ frequencies }: Sampler, names: readonly string[]): string | undefined {
  if (frequencies === undefined) return undefined;
  const most = Math.max(...frequencies);
  const least = Math.min(...frequencies);
  if (most <= RATIO_TO_WARN_OF * least) return undefined;
  const name = (frequency: number) => names[frequencies.indexOf(frequency)]!;
  return (
    `an image of ${name(most)} is shown ${(most / least).toFixed(1)} times as often as one of ${name(least)}: ` +
    'the network can learn the few by heart; augmentation helps against that, and --sampler weighted:inverse-sqrt is gentler'
  );
}

function weightedSampler(
  labels: Uint8Array,
  counts: readonly number[],
  weights: readonly number[],
  seed: number,
): Sampler {
  const members = membersOf(labels, counts.length);
  // A class first, by all its images' weights together, then one of its images: as drawing among weighted images.
  const ends: number[] = [];
  counts.reduce((sum, count, k) => (ends[k] = sum + count * weights[k]!), 0);
  const total = ends.at(-1)!;
  return {
    length: labels.length,
    frequencies: weights,
    order: epoch => {
      const random = new RandomStream(seed, DATA_STREAM.weighted, epoch);
      return Uint32Array.from(labels, () => {
        const at = random.uniform() * total;
        // Rounding can bring `at` up to the total itself.
        const drawn = ends.findIndex(end => at < end);
        const own = members[drawn < 0 ? members.length - 1 : drawn]!;
        return own[random.integer(own.length)]!;
      });
    },
  };
}

function oversampler(labels: Uint8Array, counts: readonly number[], seed: number): Sampler {
  const members = membersOf(labels, counts.length);
  const most = Math.max(...counts);
  const length = most * counts.length;
  return {
    length,
    frequencies: counts.map(count => most / count),
    order: epoch => {
      const random = new RandomStream(seed, DATA_STREAM.oversample, epoch);
      const images = new Uint32Array(length);
      let at = 0;
      for (const own of members) {
        for (let round = 0; round < Math.floor(most / own.length); round++, at += own.length) images.set(own, at);
        const rest = random.permutation(own.length).subarray(0, most % own.length);
        for (const i of rest) images[at++] = own[i]!;
      }
      return random.permutation(length).map(i => images[i]!);
    },
  };
}

/** The images of each class. */
function membersOf(labels: Uint8Array, classes: number): Uint32Array[] {
  const lists: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, i) => {
    lists[label]!.push(i);
  });
  return lists.map(list => Uint32Array.from(list));
}
