import { RandomStream } from '../../util/random.js';
import { UserError } from '../../util/errors.js';
import { epochOrder } from '../dataset.js';
import { DATA_STREAM } from '../streams.js';
import type { Sampler } from './sampler.js';

/**
 * Shows every image of the first source once an epoch, and among them as many of the second that these make up `share` of
 * all, spread evenly, so that every batch has its share, to one image. The second source's images come in random order, all of them
 * before one comes again, over the bounds of epochs.
 *
 * @param sources 0 or 1 for each image of the split
 * @throws {UserError} where one of the sources has no images
 */
export function jointSampler(sources: Uint8Array, share: number, seed: number): Sampler {
  const [own, other] = [0, 1].map(source =>
    Uint32Array.from(sources.keys()).filter(index => sources[index] === source),
  ) as [Uint32Array, Uint32Array];
  if (own.length === 0 || other.length === 0) {
    throw new UserError('joint training needs training images of both data sets; a larger --limit may leave some');
  }
  const drawn = Math.max(1, Math.round((own.length * share) / (1 - share)));
  const length = own.length + drawn;
  return {
    length,
    order: epoch => {
      const first = epochOrder(own.length, seed, epoch);
      const second = drawInTurn(other.length, (epoch - 1) * drawn, drawn, seed);
      let [a, b] = [0, 0];
      return Uint32Array.from({ length }, (_, i) =>
        // Of the first i + 1 images, floor((i + 1)·drawn / length) are of the second source.
        b < Math.floor(((i + 1) * drawn) / length) ? other[second[b++]!]! : own[first[a++]!]!,
      );
    },
  };
}

/** Places `start` to `start + count - 1` in an endless row of permutations of 0..size-1. */
function drawInTurn(size: number, start: number, count: number, seed: number): number[] {
  const drawn: number[] = [];
  for (let round = Math.floor(start / size); drawn.length < count; round++) {
    const permutation = new RandomStream(seed, DATA_STREAM.joint, round).permutation(size);
    const from = round * size < start ? start - round * size : 0;
    drawn.push(...permutation.subarray(from, from + count - drawn.length));
  }
  return drawn;
}
