import { describe, expect, it } from 'vitest';
import {
  centralBlock,
  drawAffine,
  drawBeta,
  drawBlackBlocks,
  drawCrop,
  drawErasing,
  drawResizedCrop,
  drawsOf,
  type Presentation,
} from '../../../src/data/augment/draw.js';
import { drawMixes, mixLabels, mixTargets, oneHot } from '../../../src/data/augment/mix.js';
import { resolveSpec } from '../../../src/data/augment/spec.js';
import { stepsOf, type Step, type TransformName, type TransformOptions } from '../../../src/data/augment/transforms.js';
import type { RandomStream } from '../../../src/util/random.js';

const COUNT = 4000;
const size = { height: 48, width: 40 };

function options<K extends TransformName>(name: K, given: object = {}): TransformOptions<K> {
  return (stepsOf(resolveSpec([{ [name]: given }]))[0] as Step).options as TransformOptions<K>;
}

function at(position: number, rest: Partial<Presentation> = {}): Presentation {
  return { seed: 5, epoch: 1, position, ...rest };
}

function many<T>(draw: (random: RandomStream) => T): T[] {
  return Array.from({ length: COUNT }, (_, i) => draw(drawsOf(at(i), 0)));
}

/** Mean, deviation, least and greatest. */
function moments(values: readonly number[]): { mean: number; std: number; least: number; most: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, std, least: Math.min(...values), most: Math.max(...values) };
}

function expectUniform(values: readonly number[], low: number, high: number, slack = 0.03): void {
  const { mean, std, least, most } = moments(values);
  const span = high - low;
  expect(Math.abs(mean - (low + high) / 2)).toBeLessThan(slack * span);
  expect(Math.abs(std - span / Math.sqrt(12))).toBeLessThan(slack * span);
  expect(least).toBeGreaterThanOrEqual(low);
  expect(most).toBeLessThanOrEqual(high);
}

describe('draws', () => {
  it('are a function of seed, epoch, position, entry and view, and each counts', () => {
    const first = (presentation: Presentation, entry = 3, view = 0) => drawsOf(presentation, entry, view).uint32();
    const words = [
      first(at(7)),
      first(at(8)),
      first(at(7, { epoch: 2 })),
      first(at(7, { seed: 6 })),
      first(at(7), 4),
      first(at(7), 3, 1),
      first(at(7, { epoch: 2 ** 24 - 1 })),
    ];
    expect(new Set(words).size).toBe(words.length);
    expect(first(at(7))).toBe(words[0]);
  });

  it('of affine lie evenly in their ranges, shifts in whole pixels', () => {
    const given = options('affine', {
      degrees: [-10, 30],
      translate: [0.25, 0.5],
      scale: [0.8, 1.4],
      shear: [-5, 0, 2, 6],
    });
    const draws = many(random => drawAffine(given, random, size));
    expectUniform(
      draws.map(({ degrees }) => degrees),
      -10,
      30,
    );
    expectUniform(
      draws.map(({ scale }) => scale),
      0.8,
      1.4,
    );
    expectUniform(
      draws.map(({ translate }) => translate[0]),
      -10,
      10,
    );
    expectUniform(
      draws.map(({ translate }) => translate[1]),
      -24,
      24,
    );
    expectUniform(
      draws.map(({ shear }) => shear[0]),
      -5,
      0,
    );
    expectUniform(
      draws.map(({ shear }) => shear[1]),
      2,
      6,
    );
    expect(draws.every(({ translate }) => translate.every(Number.isInteger))).toBe(true);
  });

  it('of resized crops keep to area, ratio and image', () => {
    const given = options('resized-crop', { scale: [0.2, 0.9] });
    const areas = many(random => drawResizedCrop(given, random, size));
    for (const { top, left, height, width } of areas) {
      expect(top >= 0 && left >= 0 && top + height <= 48 && left + width <= 40).toBe(true);
      // Sides are rounded to whole pixels.
      expect((height + 0.5) * (width + 0.5)).toBeGreaterThan(0.19 * 1920);
      expect((height - 0.5) * (width - 0.5)).toBeLessThan(0.91 * 1920);
      expect((width + 0.5) / (height - 0.5)).toBeGreaterThan(0.75);
      expect((width - 0.5) / (height + 0.5)).toBeLessThan(4 / 3);
    }
    expect(moments(areas.map(({ top, height }) => (48 === height ? 0.5 : top / (48 - height)))).mean).toBeCloseTo(
      0.5,
      1,
    );
  });

  it('of resized crops fall back on the middle where nothing fits', () => {
    const tooLarge = options('resized-crop', { scale: [2, 3] });
    const draw = (image: { height: number; width: number }) => drawResizedCrop(tooLarge, drawsOf(at(0), 0), image);
    expect(draw(size)).toEqual({ top: 0, left: 0, height: 48, width: 40 });
    expect(draw({ height: 30, width: 90 })).toEqual({ top: 0, left: 25, height: 30, width: 40 });
    expect(draw({ height: 90, width: 30 })).toEqual({ top: 25, left: 0, height: 40, width: 30 });
  });

  it('of crops reach every place of the padded image', () => {
    const places = many(random => drawCrop(2, { height: 50, width: 40 }, random, size));
    expect(new Set(places.map(({ top }) => top))).toEqual(new Set([-2, -1, 0]));
    expect(new Set(places.map(({ left }) => left))).toEqual(new Set([-2, -1, 0, 1, 2]));
  });

  it('of erasing keep to area, ratio and image', () => {
    const given = options('random-erasing', { scale: [0.1, 0.3], ratio: [0.5, 2], value: 'mean' });
    const boxes = many(random => drawErasing(given, random, size)).flat();
    expect(boxes.length).toBe(COUNT);
    for (const { x0, y0, x1, y1, value } of boxes) {
      expect(x0 >= 0 && y0 >= 0 && x1 <= 40 && y1 <= 48 && value === 'mean').toBe(true);
      expect((x1 - x0 + 0.5) * (y1 - y0 + 0.5)).toBeGreaterThan(0.1 * 1920);
      expect((x1 - x0 - 0.5) * (y1 - y0 - 0.5)).toBeLessThan(0.3 * 1920);
      expect((y1 - y0 + 0.5) / (x1 - x0 - 0.5)).toBeGreaterThan(0.5);
      expect((y1 - y0 - 0.5) / (x1 - x0 + 0.5)).toBeLessThan(2);
    }
    expectUniform(
      boxes.map(({ x0, x1 }) => x0 / (40 - (x1 - x0))),
      0,
      1,
      0.04,
    );
    expect(drawErasing(options('random-erasing', { scale: [1, 1] }), drawsOf(at(0), 0), size)).toEqual([]);
  });

  it('of black blocks lie inside; the central one in the middle', () => {
    const blocks = many(random =>
      drawBlackBlocks(options('random-black-blocks', { count: 2, size: [0.1, 0.5] }), random, size),
    );
    expect(blocks.every(({ length }) => length === 2)).toBe(true);
    for (const { x0, y0, x1, y1, value } of blocks.flat()) {
      expect(x0 >= 0 && y0 >= 0 && x1 <= 40 && y1 <= 48 && value === 0).toBe(true);
    }
    expectUniform(
      blocks.flat().map(({ y0, y1 }) => y1 - y0),
      5,
      24,
      0.04,
    );
    expect(centralBlock(options('central-black-block', { size: 0.5 }), size)).toEqual([
      { x0: 10, y0: 12, x1: 30, y1: 36, value: 0 },
    ]);
  });

  // Beta(a, a) has the mean 1/2 and the variance 1/(4(2a + 1)).
  it.each([0.001, 0.2, 1, 4])('from Beta(%f, %f) have its mean and variance', alpha => {
    const { mean, std, least, most } = moments(many(random => drawBeta(alpha, random)));
    expect(mean).toBeCloseTo(0.5, 1);
    expect(std ** 2).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 2);
    expect(least >= 0 && most <= 1).toBe(true);
  });
});

describe('drawMixes', () => {
  const steps = (given: unknown[]) => stepsOf(resolveSpec(given)) as Step<'mixup' | 'cutmix'>[];
  const draw = (given: unknown[], samples = 6, presentation = at(0)) =>
    drawMixes(steps(given), samples, presentation, size);

  it('shares a draw in a batch, or draws for each sample', () => {
    const batch = draw([{ mixup: { alpha: 1 } }]);
    expect(new Set(batch.map(({ share }) => share)).size).toBe(1);
    const each = draw([{ mixup: { alpha: 1, per: 'sample' } }], 100);
    expect(new Set(each.map(({ share }) => share)).size).toBe(100);
    for (const { share, label, box } of each) {
      expect(share).toBe(label);
      expect(box).toEqual([0, 0, 40, 48]);
    }
    expect(draw([{ mixup: { per: 'sample' } }], 6, at(10))[0]).toEqual(
      draw([{ mixup: { per: 'sample' } }], 6, at(8))[2],
    );
    expectUniform(
      draw([{ mixup: { alpha: 1, per: 'sample' } }], COUNT).map(({ share }) => share),
      0,
      1,
    );
  });

  it("gives cutmix's label the part of the image that it keeps", () => {
    const mixes = draw([{ cutmix: { per: 'sample' } }], COUNT);
    for (const { share, label, box } of mixes) {
      expect(share).toBe(0);
      expect(box[0] >= 0 && box[1] >= 0 && box[2] <= 40 && box[3] <= 48).toBe(true);
      expect(label).toBeCloseTo(1 - ((box[2] - box[0]) * (box[3] - box[1])) / 1920, 12);
    }
    // Boxes that are cut off at the border leave more than λ, whose mean is a half.
    expect(moments(mixes.map(({ label }) => label)).mean).toBeGreaterThan(0.5);
  });

  it('keeps p, and takes one of the two where both are given', () => {
    const unmixed = (given: unknown[]) => draw(given, COUNT).filter(({ label }) => label === 1).length / COUNT;
    expect(unmixed([{ mixup: { p: 0.3, per: 'sample' } }])).toBeCloseTo(0.7, 1);
    expect(unmixed([{ mixup: { p: 0 } }])).toBe(1);
    const both = Array.from({ length: COUNT }, (_, i) => draw(['mixup', 'cutmix'], 1, at(i))[0]!);
    expect(both.filter(({ share }) => share === 0).length / COUNT).toBeCloseTo(0.5, 1);
  });

  it('mixes labels as images', () => {
    const labels = Uint32Array.of(2, 0, 1);
    const mixes = [0.75, 1, 0.25].map(label => ({ share: label, box: [0, 0, 1, 1] as const, label }));
    expect([...mixTargets(oneHot(labels, 3), 3, mixes)]).toEqual([0, 0.25, 0.75, 1, 0, 0, 0.75, 0.25, 0]);
    expect([...mixLabels(labels, mixes)]).toEqual([2, 0, 0]);
  });
});
