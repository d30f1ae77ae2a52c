import { RandomStream } from '../src/util/random.js';

/** A FER-2013 file of noise whose brightness tells the class: 96 images to train on, 32 to validate, 16 to test. */
export function noiseCsv(): string {
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (const [usage, count] of Object.entries({ Training: 96, PublicTest: 32, PrivateTest: 16 })) {
    for (let i = 0; i < count; i++) {
      const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
      lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
