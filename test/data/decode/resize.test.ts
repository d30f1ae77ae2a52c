import { describe, expect, it } from 'vitest';
import { resizeImage } from '../../../src/data/decode/resize.js';

/** One output value in double precision, straight from the definition: a triangle as wide as the scale, normalised. */
function reference(image: Uint8Array, height: number, width: number, channels: number, size: number): number[] {
  const weight = (i: number, o: number, input: number) => {
    const scale = input / size;
    return Math.max(0, 1 - Math.abs(i + 0.5 - (o + 0.5) * scale) / Math.max(1, scale));
  };
  const out: number[] = [];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let total = 0;
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            const w = weight(i, y, height) * weight(j, x, width);
            sum += w * image[(i * width + j) * channels + c]!;
            total += w;
          }
        }
        out.push(sum / total);
      }
    }
  }
  return out;
}

describe('resizeImage', () => {
  it.each([
    [100, 100, 3, 48],
    [17, 23, 1, 9],
    [31, 8, 3, 12],
    [5, 7, 1, 20],
    [1, 3, 3, 4],
    [48, 47, 1, 48],
  ])('agrees with a float64 reference: %ix%i with %i channels to %i', (height, width, channels, size) => {
    const image = Uint8Array.from({ length: height * width * channels }, (_, i) => (i * i * 31 + i * 7) % 256);
    const found = resizeImage(image, { height, width, channels }, size);
    reference(image, height, width, channels, size).forEach((value, i) => {
      expect(Math.abs(found[i]! - value), `value ${i}: ${found[i]!}, expected ${value}`).toBeLessThan(0.501);
    });
  });

  it('leaves an image of the right size alone, and a plain one plain', () => {
    const image = Uint8Array.from({ length: 27 }, (_, i) => i);
    expect(resizeImage(image, { height: 3, width: 3, channels: 3 }, 3)).toBe(image);
    const plain = new Uint8Array(37 * 21).fill(255);
    expect(new Set(resizeImage(plain, { height: 37, width: 21, channels: 1 }, 10))).toEqual(new Set([255]));
  });
});
