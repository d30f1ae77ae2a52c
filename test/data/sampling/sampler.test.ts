import { describe, expect, it } from 'vitest';
import { countLabels } from '../../../src/data/stats.js';
import { createSampler, parseSampler, samplerWarning } from '../../../src/data/sampling/sampler.js';
import { UserError } from '../../../src/util/errors.js';

const names = ['a', 'b', 'c'];
/** 100 of a, 35 of b, 7 of c, in turns as long as there are any. */
const labels = Uint8Array.from([
  ...Array.from({ length: 21 }, (_, i) => i % 3),
  ...Array.from({ length: 56 }, (_, i) => i % 2),
  ...new Array<number>(65).fill(0),
]);

const sampler = (text: string, seed = 1) => createSampler(parseSampler(text), labels, names, seed);
const classesOf = (order: Uint32Array) =>
  countLabels(
    Uint8Array.from(order, i => labels[i]!),
    3,
  );
const times = (order: Uint32Array) => {
  const counts = new Array<number>(labels.length).fill(0);
  for (const i of order) counts[i]!++;
  return counts;
};

describe.each(['shuffle', 'weighted', 'weighted:inverse-sqrt', 'oversample'])('the sampler %s', text => {
  it('depends on seed and epoch alone', () => {
    const { length, order } = sampler(text);
    expect(order(3)).toHaveLength(length);
    expect(order(3)).toEqual(sampler(text).order(3));
    expect(order(3)).not.toEqual(order(4));
    expect(order(3)).not.toEqual(sampler(text, 2).order(3));
  });
});

describe('shuffle', () => {
  it('shows every image once', () => {
    expect([...sampler('shuffle').order(1)].sort((x, y) => x - y)).toEqual(Array.from(labels, (_, i) => i));
  });
});

describe('weighted', () => {
  /** Shares of the classes over many epochs, and the largest deviation that chance leaves (four sigma). */
  function shares(text: string): { shares: number[]; tolerance: number } {
    const { order } = sampler(text);
    const total = [0, 0, 0];
    for (let epoch = 1; epoch <= 400; epoch++) {
      classesOf(order(epoch)).forEach((count, k) => {
        total[k]! += count;
      });
    }
    const drawn = 400 * labels.length;
    return { shares: total.map(count => count / drawn), tolerance: 4 * Math.sqrt(0.25 / drawn) };
  }

  it('shows every class as often by default, as many images as there are', () => {
    const { shares: found, tolerance } = shares('weighted');
    for (const share of found) expect(Math.abs(share - 1 / 3)).toBeLessThan(tolerance);
    expect(sampler('weighted').length).toBe(142);
  });

  it('shows an image in proportion to the weight of its class', () => {
    const { shares: found, tolerance } = shares('weighted:1,2,10');
    const expected = [100, 70, 70].map(weight => weight / 240);
    found.forEach((share, k) => {
      expect(Math.abs(share - expected[k]!)).toBeLessThan(tolerance);
    });
  });

  it('draws with replacement, every image of a class alike', () => {
    const { order } = sampler('weighted');
    const counts = new Array<number>(labels.length).fill(0);
    for (let epoch = 1; epoch <= 300; epoch++) {
      times(order(epoch)).forEach((count, i) => {
        counts[i]! += count;
      });
    }
    expect(Math.max(...times(order(1)))).toBeGreaterThan(1);
    const ofC = counts.filter((_, i) => labels[i] === 2);
    const mean = ofC.reduce((sum, count) => sum + count, 0) / ofC.length;
    for (const count of ofC) expect(Math.abs(count - mean)).toBeLessThan(4.5 * Math.sqrt(mean));
  });
});

describe('oversample', () => {
  it('brings every class to the size of the largest, each image as often as the others give or take one', () => {
    const { length, order } = sampler('oversample');
    expect(length).toBe(300);
    expect(classesOf(order(1))).toEqual([100, 100, 100]);
    const counts = times(order(1));
    labels.forEach((label, i) => {
      expect(label === 0 ? [1] : label === 1 ? [2, 3] : [14, 15]).toContain(counts[i]);
    });
  });

  it('draws anew in each epoch which images come once more', () => {
    const { order } = sampler('oversample');
    expect(times(order(1))).not.toEqual(times(order(2)));
  });

  it('mixes the classes', () => {
    const order = sampler('oversample').order(1);
    expect(Math.min(...classesOf(order.subarray(0, 90)))).toBeGreaterThan(10);
  });
});

describe('a sampler that balances', () => {
  it.each(['weighted', 'oversample', 'weighted:1,1,1'])('%s stops at a class without images', text => {
    const make = () => createSampler(parseSampler(text), Uint8Array.of(0, 0, 2), names, 1);
    expect(make).toThrow(UserError);
    expect(make).toThrow('no training image of b');
  });

  it('warns where it shows some images much more often', () => {
    expect(samplerWarning(sampler('oversample'), names)).toMatch(/image of c is shown 14.3 times as often as one of a/);
    expect(samplerWarning(sampler('weighted'), names)).toMatch(/image of c is shown 14.3 times/);
    expect(samplerWarning(sampler('weighted:inverse-sqrt'), names)).toBeUndefined();
    expect(samplerWarning(sampler('shuffle'), names)).toBeUndefined();
  });
});

describe('parseSampler', () => {
  it.each(['', 'random', 'weighted:', 'weighted:none', 'oversample:2', 'weightedly', 'shuffle:1'])(
    "refuses '%s'",
    text => {
      expect(() => parseSampler(text)).toThrow(UserError);
    },
  );
});
