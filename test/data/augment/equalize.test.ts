import { describe, expect, it } from 'vitest';
import { equalize, equalizeImages } from '../../../src/data/augment/equalize.js';
import { RandomStream } from '../../../src/util/random.js';
import { equalizedByRank } from '../equalized.js';

describe('equalize', () => {
  it('spreads greys over the whole range', () => {
    // 256 pixels of four greys: step = ⌊192 / 255⌋ = 0 would leave them; four times as many give step 3.
    const image = Uint8Array.from({ length: 1024 }, (_, i) => 100 + (i % 4));
    // step = ⌊768/255⌋ = 3; the sums below are 0, 256, 512, 768, and ⌊(sum + 1)/3⌋ at most 255.
    const table = [0, 85, 171, 255];
    expect([...equalize(image, 1)]).toEqual([...image].map(grey => table[grey - 100]!));
  });

  it('leaves an image of one colour and a tiny one, and its input, alone', () => {
    const one = new Uint8Array(1000).fill(7);
    expect(equalize(one, 1)).toEqual(one);
    const tiny = Uint8Array.of(1, 2, 3, 4);
    expect(equalize(tiny, 1)).toEqual(tiny);
    const image = Uint8Array.from({ length: 4096 }, (_, i) => i % 64);
    const before = Uint8Array.from(image);
    expect(equalize(image, 1)).not.toEqual(before);
    expect(image).toEqual(before);
  });

  it('treats channels one by one', () => {
    const channel = (shift: number) => Uint8Array.from({ length: 2048 }, (_, i) => (i * i + shift) % 97);
    const planes = [channel(0), channel(31), channel(60)];
    const interleaved = Uint8Array.from({ length: 3 * 2048 }, (_, i) => planes[i % 3]![Math.floor(i / 3)]!);
    const result = equalize(interleaved, 3);
    planes.forEach((plane, c) => {
      expect(result.filter((_, i) => i % 3 === c)).toEqual(equalize(plane, 1));
    });
  });

  it.each([1, 3])('is what ranks of pixels in %i channels give, image by image', channels => {
    const random = new RandomStream(3, 0);
    // Dark, bright and full ranges, one grey, and 256 pixels, whose step is 0 or 1.
    const ranges = [
      [0, 40],
      [180, 256],
      [0, 256],
      [77, 78],
    ] as const;
    for (const pixels of [256, 48 * 48]) {
      const bytes = pixels * channels;
      const images = Uint8Array.from({ length: ranges.length * bytes }, (_, i) => {
        const [low, high] = ranges[Math.floor(i / bytes)]!;
        return low + Math.floor(random.uniform() ** 2 * (high - low));
      });
      const expected = ranges.flatMap((_, n) =>
        equalizedByRank([...images.slice(n * bytes, (n + 1) * bytes)], channels),
      );
      equalizeImages(images, bytes, channels);
      expect([...images]).toEqual(expected);
    }
  });
});
