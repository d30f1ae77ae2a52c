import { expect, it } from 'vitest';
import { jointSampler } from '../../../src/data/sampling/joint.js';

const sources = (own: number, other: number) => Uint8Array.from({ length: own + other }, (_, i) => (i < own ? 0 : 1));

it('shows every own image once, and the share of the others in every batch', () => {
  const sampler = jointSampler(sources(70, 200), 0.3, 5);
  expect(sampler.length).toBe(100);
  const order = [...sampler.order(1)];
  expect(order.filter(i => i < 70).sort((a, b) => a - b)).toEqual(Array.from({ length: 70 }, (_, i) => i));
  for (let start = 0; start < 100; start += 20) {
    expect(order.slice(start, start + 20).filter(i => i >= 70)).toHaveLength(6);
  }
});

it('shows all of the others before one comes again, over the bounds of epochs', () => {
  const sampler = jointSampler(sources(30, 25), 0.25, 1);
  const others = [1, 2, 3, 4, 5].flatMap(epoch => [...sampler.order(epoch)].filter(i => i >= 30));
  expect(others).toHaveLength(50);
  for (const half of [others.slice(0, 25), others.slice(25)]) expect(new Set(half).size).toBe(25);
});

it('repeats the others within an epoch where they are few', () => {
  const order = [...jointSampler(sources(40, 3), 0.5, 1).order(1)];
  const counts = [40, 41, 42].map(i => order.filter(index => index === i).length);
  expect(counts.reduce((a, b) => a + b)).toBe(40);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

it('depends on seed and epoch alone', () => {
  const draw = (seed: number, epoch: number) => [...jointSampler(sources(20, 20), 0.5, seed).order(epoch)].join();
  expect(draw(1, 3)).toBe(draw(1, 3));
  expect(new Set([draw(1, 1), draw(1, 2), draw(2, 1)]).size).toBe(3);
});

it('needs images of both', () => {
  expect(() => jointSampler(sources(5, 0), 0.5, 1)).toThrow('training images of both');
});
