import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Box } from '../../src/faces/box.js';
import { FaceDetector, MOST_SIDE } from '../../src/faces/detector.js';
import { loadFaceDetector } from '../../src/faces/node.js';
import { inChannels, pictureWith } from './pictures.js';

let detector: FaceDetector;
beforeAll(async () => {
  detector = await loadFaceDetector();
}, 120_000);
afterAll(() => {
  detector.dispose();
});

const two = pictureWith(320, 200, [
  { number: 1, side: 80, x: 20, y: 60 },
  { number: 2, side: 120, x: 170, y: 40 },
]);

/** Whether a box's centre lies in the middle of a square. */
function isIn({ x, y, width, height }: Box, square: { x: number; y: number; side: number }): boolean {
  const off = (centre: number, start: number) => Math.abs(centre - start - square.side / 2) < square.side / 5;
  return off(x + width / 2, square.x) && off(y + height / 2, square.y);
}

describe('FaceDetector', () => {
  it('finds drawn faces where they are, the largest first', () => {
    const boxes = detector.detect(two);
    expect(boxes).toHaveLength(2);
    expect(isIn(boxes[0]!, { x: 170, y: 40, side: 120 })).toBe(true);
    expect(isIn(boxes[1]!, { x: 20, y: 60, side: 80 })).toBe(true);
    expect(boxes[0]!.width).toBeGreaterThan(boxes[1]!.width);
  });

  it('finds the same in colour, with and without transparency', () => {
    const boxes = detector.detect(two);
    expect(detector.detect(inChannels(two, 3))).toEqual(boxes);
    expect(detector.detect(inChannels(two, 4))).toEqual(boxes);
  });

  it('finds nothing where there is none', () => {
    expect(detector.detect(pictureWith(160, 120, []))).toEqual([]);
    expect(detector.detect(pictureWith(3, 2, []))).toEqual([]);
  });

  it('leaves out faces below minSize', () => {
    const boxes = detector.detect(two, { minSize: 95 });
    expect(boxes).toHaveLength(1);
    expect(isIn(boxes[0]!, { x: 170, y: 40, side: 120 })).toBe(true);
  });

  it('gives boxes of a large image in its own pixels', () => {
    const width = 2 * MOST_SIDE;
    const boxes = detector.detect(pictureWith(width, 500, [{ number: 1, side: 300, x: 1500, y: 100 }]), {
      minSize: 150,
    });
    expect(boxes).toHaveLength(1);
    expect(isIn(boxes[0]!, { x: 1500, y: 100, side: 300 })).toBe(true);
  });

  it('refuses options out of range, and what is no image', () => {
    expect(() => detector.detect(two, { scaleFactor: 1 })).toThrow('scaleFactor is 1');
    expect(() => detector.detect(two, { minNeighbors: -1 })).toThrow('minNeighbors is -1');
    expect(() => detector.detect(two, { minSize: 0 })).toThrow('minSize is 0');
    expect(() => detector.detect({ ...two, width: 7 })).toThrow('no image of 7 x 200');
  });

  it('refuses what is no cascade', async () => {
    await expect(FaceDetector.load(new TextEncoder().encode('<html/>'))).rejects.toThrow('not a cascade of OpenCV');
  });
});
