import { describe, expect, it } from 'vitest';
import { cropOf, squareAround } from '../../src/faces/box.js';

const image = { height: 100, width: 200 };

describe('squareAround', () => {
  it('is the box itself where that is a square', () => {
    expect(squareAround({ x: 30, y: 20, width: 40, height: 40 }, image)).toEqual({
      x: 30,
      y: 20,
      width: 40,
      height: 40,
    });
  });

  it('takes the longer side, about the same centre', () => {
    expect(squareAround({ x: 30, y: 20, width: 20, height: 40 }, image)).toEqual({
      x: 20,
      y: 20,
      width: 40,
      height: 40,
    });
  });

  it('adds the margin on each side', () => {
    expect(squareAround({ x: 80, y: 40, width: 20, height: 20 }, image, 0.25)).toEqual({
      x: 75,
      y: 35,
      width: 30,
      height: 30,
    });
  });

  it('is moved into the image where it would stick out', () => {
    expect(squareAround({ x: 0, y: 70, width: 30, height: 30 }, image, 0.5)).toEqual({
      x: 0,
      y: 40,
      width: 60,
      height: 60,
    });
    expect(squareAround({ x: 180, y: 0, width: 20, height: 20 }, image, 0.5)).toEqual({
      x: 160,
      y: 0,
      width: 40,
      height: 40,
    });
  });

  it('is no larger than the image', () => {
    expect(squareAround({ x: 60, y: 10, width: 80, height: 80 }, image, 1)).toEqual({
      x: 50,
      y: 0,
      width: 100,
      height: 100,
    });
  });

  it('refuses a margin that is none', () => {
    expect(() => squareAround({ x: 0, y: 0, width: 9, height: 9 }, image, -0.1)).toThrow('margin is -0.1');
    expect(() => squareAround({ x: 0, y: 0, width: 9, height: 9 }, image, NaN)).toThrow('margin is NaN');
  });
});

it('cropOf copies a part of an image', () => {
  const data = Uint8Array.from({ length: 4 * 3 * 2 }, (_, i) => i);
  const crop = cropOf({ data, height: 3, width: 4, channels: 2 }, { x: 1, y: 1, width: 2, height: 2 });
  expect(crop).toMatchObject({ height: 2, width: 2, channels: 2 });
  expect([...crop.data]).toEqual([10, 11, 12, 13, 18, 19, 20, 21]);
});
