import { describe, expect, it } from 'vitest';
import { figuresOf, measure } from '../../src/bench/measure.js';

describe('figures', () => {
  it('gives the median, the range of the middle half over it, and the rate at the median', () => {
    // Quartiles of 1..5 are 2 and 4.
    expect(figuresOf([5, 1, 4, 2, 3], 6, 'images/s', false)).toEqual({
      ...{ medianMs: 3, spread: 2 / 3, samples: 5, rate: 2000, unit: 'images/s' },
    });
  });

  it('gives a 99th percentile of latencies, from 100 samples on', () => {
    const samples = Array.from({ length: 101 }, (_, i) => i);
    expect(figuresOf(samples, 1, 'images/s', true).p99Ms).toBe(99);
    expect(figuresOf(samples, 1, 'images/s', false)).not.toHaveProperty('p99Ms');
    expect(figuresOf(samples.slice(0, 99), 1, 'images/s', true)).not.toHaveProperty('p99Ms');
  });
});

describe('measure', () => {
  it('times one call a sample, and waits for each', async () => {
    let running = 0;
    let calls = 0;
    const samples = await measure(async () => {
      expect(++running).toBe(1);
      await new Promise(resolve => setTimeout(resolve, 3));
      running--;
      calls++;
    }, 0.03);
    expect(samples).toHaveLength(calls);
    // Timers of Node may be up to a millisecond early.
    for (const sample of samples) expect(sample).toBeGreaterThan(1.9);
  });

  it('passes a failure on', async () => {
    await expect(measure(() => Promise.reject(new Error('the GPU is gone')), 1)).rejects.toThrow('the GPU is gone');
  });
});
