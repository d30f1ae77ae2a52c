import { describe, expect, it } from 'vitest';
import { overlap, Tracks } from '../../web/camera/tracks.js';

const box = (x: number, y: number, side: number) => ({ x, y, width: side, height: side });

describe('overlap', () => {
  it('is the intersection over the union', () => {
    expect(overlap(box(0, 0, 10), box(0, 0, 10))).toBe(1);
    expect(overlap(box(0, 0, 10), box(5, 0, 10))).toBeCloseTo(50 / 150);
    expect(overlap(box(0, 0, 10), box(10, 0, 10))).toBe(0);
    expect(overlap(box(0, 0, 10), box(20, 30, 10))).toBe(0);
  });
});

describe('Tracks', () => {
  it('keep a face the same while its boxes overlap, whatever the order in which they are found', () => {
    const tracks = new Tracks(0, 4);
    tracks.detected([box(100, 100, 80), box(300, 100, 60)], 0);
    expect(tracks.current.map(({ id }) => id)).toEqual([1, 2]);
    tracks.detected([box(305, 104, 60), box(110, 96, 80)], 100);
    expect(tracks.current.map(({ id }) => id)).toEqual([1, 2]);
    const [first] = tracks.current;
    // Most of the way to the new box.
    expect(first!.box.x).toBeGreaterThan(105);
    expect(first!.box.x).toBeLessThanOrEqual(110);
  });

  it('bear with a face that is missed for a moment, and forget one that is gone', () => {
    const tracks = new Tracks(0, 4);
    tracks.detected([box(100, 100, 80)], 0);
    tracks.detected([], 300);
    expect(tracks.current).toHaveLength(1);
    tracks.detected([box(100, 100, 80)], 600);
    tracks.detected([], 1200);
    expect(tracks.current.map(({ id }) => id)).toEqual([1]);
    tracks.detected([], 1400);
    expect(tracks.current).toEqual([]);
    tracks.detected([box(100, 100, 80)], 1500);
    expect(tracks.current.map(({ id }) => id)).toEqual([2]);
  });

  it('follow the largest faces, the largest first', () => {
    const tracks = new Tracks(0, 2);
    tracks.detected([box(0, 0, 40), box(100, 0, 80), box(300, 0, 60)], 0);
    expect(tracks.current.map(({ box: { width } }) => width)).toEqual([80, 60]);
  });

  it('smooth answers over time: after the time constant an old one counts for 1/e', () => {
    const tracks = new Tracks(0.5, 4);
    tracks.detected([box(0, 0, 50)], 0);
    tracks.classified(1, [1, 0], 0);
    expect(tracks.current[0]!.probabilities).toEqual([1, 0]);
    tracks.classified(1, [0, 1], 500);
    expect(tracks.current[0]!.probabilities![0]).toBeCloseTo(Math.exp(-1));
    expect(tracks.current[0]!.probabilities![1]).toBeCloseTo(1 - Math.exp(-1));
    tracks.smoothing = 0;
    tracks.classified(1, [0.25, 0.75], 510);
    expect(tracks.current[0]!.probabilities).toEqual([0.25, 0.75]);
    // Of a face that is gone.
    tracks.classified(7, [1, 0], 520);
    tracks.forgetAnswers();
    expect(tracks.current[0]!.probabilities).toBeUndefined();
  });
});
