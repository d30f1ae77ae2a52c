import { describe, expect, it } from 'vitest';
import { Canvas } from '../../../src/data/synthetic/canvas.js';
import { arc, ellipse, region, stroke } from '../../../src/data/synthetic/curves.js';

function area(coverage: Float64Array): number {
  return coverage.reduce((sum, value) => sum + value, 0);
}

describe('Canvas.mask', () => {
  it('covers pixels by the share that lies inside', () => {
    const { coverage } = new Canvas(4).mask([0.25, 1, 2.5, 1, 2.5, 2.5, 0.25, 2.5]);
    // prettier-ignore
    expect([...coverage]).toEqual([
      0,     0,   0,    0,
      0.75,  1,   0.5,  0,
      0.375, 0.5, 0.25, 0,
      0,     0,   0,    0,
    ]);
  });

  it('does not depend on the direction in which a polygon goes round', () => {
    const forth = ellipse(5, 5, 3.3, 2.2);
    const back: number[] = [];
    for (let i = forth.length - 2; i >= 0; i -= 2) back.push(forth[i]!, forth[i + 1]!);
    const canvas = new Canvas(10);
    const expected = canvas.mask(forth).coverage;
    canvas.mask(back).coverage.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
  });

  it('has the area of the polygon', () => {
    const triangle = [1.3, 2.1, 17.2, 4.4, 6.6, 18.7];
    const exact = ((17.2 - 1.3) * (18.7 - 2.1) - (6.6 - 1.3) * (4.4 - 2.1)) / 2;
    expect(area(new Canvas(20).mask(triangle).coverage)).toBeCloseTo(exact, 0);
  });

  it('cuts off what is outside of the picture', () => {
    const { coverage } = new Canvas(4).mask([-10, -10, 30, -10, 30, 2, -10, 2]);
    expect([...coverage]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(area(new Canvas(4).mask([-9, -9, -5, -9, -5, 9]).coverage)).toBe(0);
    expect(area(new Canvas(4).mask([9, 9, 5, 9, 5, 19]).coverage)).toBe(0);
  });

  it('starts anew for each polygon', () => {
    const canvas = new Canvas(6);
    const first = canvas.mask(ellipse(3, 3, 2, 2)).coverage;
    canvas.mask(ellipse(1, 4, 5, 5));
    expect(canvas.mask(ellipse(3, 3, 2, 2)).coverage).toEqual(first);
  });
});

describe('Canvas', () => {
  it('mixes tones by coverage, opacity and clip', () => {
    const canvas = new Canvas(2);
    const leftHalf = canvas.mask([0, 0, 1, 0, 1, 2, 0, 2]);
    canvas.fill([0, 0, 2, 0, 2, 1, 0, 1], 0.8);
    canvas.fill([0, 0, 2, 0, 2, 2, 0, 2], 0.4, 0.5, leftHalf);
    [0.6, 0.8, 0.2, 0].forEach((tone, i) => {
      expect(canvas.pixels[i]).toBeCloseTo(tone, 12);
    });
  });

  it('blurs to both sides and keeps a plain picture plain', () => {
    const canvas = new Canvas(3);
    canvas.pixels[4] = 1;
    canvas.blur(0.25);
    expect([...canvas.pixels]).toEqual([1, 2, 1, 2, 4, 2, 1, 2, 1].map(value => value / 16));
    canvas.pixels.fill(0.5);
    canvas.blur(0.25);
    expect([...canvas.pixels]).toEqual(new Array(9).fill(0.5));
  });

  it('glows in the middle and not at the rim', () => {
    const canvas = new Canvas(5);
    canvas.pixels.fill(0.5);
    canvas.glow(2.5, 2.5, 2, 2, 0.4);
    expect(canvas.pixels[12]).toBeCloseTo(0.7, 12);
    expect(canvas.pixels[13]).toBeCloseTo(0.5 * (1 + 0.4 * 0.75 ** 2), 12);
    expect(canvas.pixels[10]).toBe(0.5);
  });
});

describe('curves', () => {
  it('lead an arc through its three points', () => {
    const points = arc(0, 1, 2, 5, 6, 3);
    const middle = points.length / 2 - 1;
    expect(points.slice(0, 2)).toEqual([0, 1]);
    expect(points.slice(middle, middle + 2)).toEqual([2, 5]);
    expect(points.slice(-2)).toEqual([6, 3]);
  });

  it('put an ellipse on its radii', () => {
    const points = ellipse(1, 2, 3, 4);
    expect(points).toHaveLength(32);
    for (let i = 0; i < points.length; i += 2) {
      expect(((points[i]! - 1) / 3) ** 2 + ((points[i + 1]! - 2) / 4) ** 2).toBeCloseTo(1, 12);
    }
    expect(area(new Canvas(20).mask(ellipse(10, 10, 6, 6)).coverage)).toBeGreaterThan(0.97 * Math.PI * 36);
  });

  it('make a stroke as wide as asked for', () => {
    const line = stroke([2, 5, 8, 5, 14, 5], 2);
    expect(area(new Canvas(20).mask(line).coverage)).toBeCloseTo(24, 9);
    const wedge = stroke([2, 5, 8, 5, 14, 5], 2, 0);
    expect(area(new Canvas(20).mask(wedge).coverage)).toBeCloseTo(12, 0);
  });

  it('close a region between two curves', () => {
    expect(region([0, 0, 1, 0], [0, 1, 1, 1])).toEqual([0, 0, 1, 0, 1, 1, 0, 1]);
  });
});
