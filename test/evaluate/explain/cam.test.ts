import { describe, expect, it } from 'vitest';
import { activationMap, centralBox, heatShare, normaliseMap, resizeMap } from '../../../src/evaluate/explain/cam.js';
import { spearman } from '../../../src/evaluate/explain/sanity.js';
import { RandomStream } from '../../../src/util/random.js';

const random = new RandomStream(7, 0);
const draw = (length: number) => Float32Array.from({ length }, () => random.normal());

describe('activationMap', () => {
  it('grad-cam: channels weighed by the mean of their gradient, what speaks against the class left out', () => {
    const [channels, pixels] = [3, 4];
    const [a, g] = [draw(12), draw(12)];
    const map = activationMap('grad-cam', a, g, channels);
    for (let i = 0; i < pixels; i++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) {
        let mean = 0;
        for (let j = 0; j < pixels; j++) mean += g[c * pixels + j]! / pixels;
        sum += mean * a[c * pixels + i]!;
      }
      expect(map[i]).toBeCloseTo(Math.max(0, sum), 10);
    }
  });

  // One channel, worked by hand: A = (1, 3), g = (2, -1), ΣA = 4. α of the first is 4/(8 + 4·8) = 0.1 and counts 2 times,
  // the second's gradient is negative and counts nothing.
  it('grad-cam++: a gradient weighs by its share of the exponential score', () => {
    const map = activationMap('grad-cam++', Float32Array.of(1, 3), Float32Array.of(2, -1), 1);
    expect([...map]).toEqual([expect.closeTo(0.2, 12), expect.closeTo(0.6, 12)]);
  });

  it('grad-cam++ of no gradient is nothing, not 0/0', () => {
    expect([...activationMap('grad-cam++', Float32Array.of(0, 0), Float32Array.of(0, 0), 1)]).toEqual([0, 0]);
  });
});

it('normaliseMap leaves a map of nothing as it is', () => {
  expect([...normaliseMap(Float64Array.of(0, 0))]).toEqual([0, 0]);
  expect([...normaliseMap(Float64Array.of(1, 4))]).toEqual([0.25, 1]);
});

it('resizeMap is linear between the centres of pixels and continues edges', () => {
  expect([...resizeMap([0, 1], [1, 2], [1, 4])]).toEqual([0, 0.25, 0.75, 1]);
  expect([...resizeMap([0, 1, 2, 3], [2, 2], [2, 2])]).toEqual([0, 1, 2, 3]);
  expect([...resizeMap([0, 2, 4, 6], [1, 4], [1, 2])]).toEqual([1, 5]);
});

it('heatShare counts a pixel once, though two boxes hold it', () => {
  const map = [1, 1, 0, 2];
  const left = { left: 0, top: 0, right: 1, bottom: 2 };
  const top = { left: 0, top: 0, right: 2, bottom: 1 };
  expect(heatShare(map, 2, [left])).toBe(0.25);
  expect(heatShare(map, 2, [left, top])).toBe(0.5);
  expect(heatShare([0, 0, 0, 0], 2, [left])).toBe(0);
  expect(heatShare(new Array(64).fill(1), 8, [centralBox(8, 8)])).toBeCloseTo(36 / 64);
});

// scipy.stats.spearmanr([1, 2, 2, 5, 3], [4, 1, 3, 9, 9]) gives 0.6315789473684211
it('spearman shares the ranks of equal values, as scipy does', () => {
  expect(spearman([1, 2, 2, 5, 3], [4, 1, 3, 9, 9])).toBeCloseTo(0.6315789473684211, 12);
  expect(spearman([1, 1], [2, 3])).toBe(0);
});
