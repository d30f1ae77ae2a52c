import { describe, expect, it } from 'vitest';
import { closePairs, MOST_DISTANCE } from '../../../src/data/audit/hash-index.js';
import { HASH_BITS, hashDistance, perceptualHashes } from '../../../src/data/audit/hash.js';
import { RandomStream } from '../../../src/util/random.js';
import { picture, PIXELS, retaken, SIDE } from './pictures.js';

function hashesOf(...images: Uint8Array[]): Uint32Array {
  return perceptualHashes(Uint8Array.from(images.flatMap(image => [...image])), SIDE, SIDE);
}

/** The signs of the first frequencies, straight from the definition of the DCT-II. */
function referenceBits(image: Uint8Array): boolean[] {
  const bits: boolean[] = [];
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      if (u === 0 && v === 0) continue;
      let sum = 0;
      image.forEach((value, i) => {
        const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
        const across = Math.cos((Math.PI * (2 * x + 1) * u) / (2 * SIDE));
        sum += value * across * Math.cos((Math.PI * (2 * y + 1) * v) / (2 * SIDE));
      });
      bits.push(sum > 0);
    }
  }
  return bits;
}

describe('perceptualHashes', () => {
  it('are the signs of the DCT-II', () => {
    const random = new RandomStream(1, 92);
    const noise = Uint8Array.from({ length: PIXELS }, () => random.integer(256));
    const hash = hashesOf(noise);
    const bits = Array.from({ length: HASH_BITS }, (_, b) => ((hash[b >> 5]! >>> (b & 31)) & 1) === 1);
    expect(bits).toEqual(referenceBits(noise));
  });

  it('differ little between a picture and the same retaken, and in about half the bits between two pictures', () => {
    for (let seed = 0; seed < 20; seed++) {
      const hashes = hashesOf(picture(seed), retaken(picture(seed), 1), picture(seed + 100));
      expect(hashDistance(hashes, 0, 0)).toBe(0);
      expect(hashDistance(hashes, 0, 1)).toBeLessThanOrEqual(7);
      expect(hashDistance(hashes, 0, 2)).toBeGreaterThan(MOST_DISTANCE);
    }
  });
});

describe('closePairs', () => {
  it.each([0, 3, 4, 7, 8, MOST_DISTANCE])('finds every pair within %i bits, once, as comparing all does', distance => {
    const random = new RandomStream(distance, 94);
    const hashes = Uint32Array.from({ length: 2 * 600 }, () => random.uint32());
    // Every second hash is one before with some bits turned, from none to more than are looked for.
    for (let i = 1; i < 600; i += 2) {
      const from = random.integer(i);
      hashes.copyWithin(2 * i, 2 * from, 2 * from + 2);
      for (let turned = random.integer(16); turned > 0; turned--) {
        hashes[2 * i + random.integer(2)]! ^= 1 << random.integer(32);
      }
    }
    const expected: string[] = [];
    for (let i = 0; i < 600; i++) {
      for (let j = i + 1; j < 600; j++) if (hashDistance(hashes, i, j) <= distance) expected.push(`${i} ${j}`);
    }
    const found: string[] = [];
    closePairs(hashes, distance, (i, j) => found.push(`${i} ${j}`));
    expect(found.sort()).toEqual(expected.sort());
    expect(found.length).toBeGreaterThan(10);
  });
});
