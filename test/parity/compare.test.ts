import { describe, expect, it } from 'vitest';
import { NotImplementedError } from '../../src/util/errors.js';
import { compare, compareNorm, differs, opTolerance, relativeEach, relativeToLargest, same } from './compare.js';
import { runCase, summarize } from './report.js';

describe('compare', () => {
  it('names the largest error and its coordinates', () => {
    const expected = [1, 2, 3, 4, 5, 6];
    const { excess, message } = compare('y', [1, 2, 3, 4.25, 5, 6.125], expected, [1, 2, 3], opTolerance(expected));
    expect(excess).toBeGreaterThan(1);
    expect(message).toBe('largest error 0.250 at [0, 1, 0]: got 4.25, expected 4, allowed 0.000610');
  });

  it('allows 1e-4 of the largest element and 1e-5, and no more', () => {
    const expected = [-10, 0];
    const at = (error: number) => compare('y', [-10, error], expected, [2], opTolerance(expected)).excess;
    expect(at(1.0099e-3)).toBeLessThan(1);
    expect(at(1.0101e-3)).toBeGreaterThan(1);
  });

  it('takes a relative error against the largest element or each', () => {
    const expected = [100, 1];
    const actual = [100, 1.0005];
    expect(compare('y', actual, expected, [2], relativeToLargest(expected, 1e-5)).excess).toBeCloseTo(0.5, 6);
    expect(compare('y', actual, expected, [2], relativeEach(1e-5)).excess).toBeCloseTo(50, 3);
  });

  it('fails on NaN, infinities and other lengths, whatever is allowed', () => {
    const loose = () => 1e9;
    expect(compare('y', [1, NaN], [1, 2], [2], loose).excess).toBe(Infinity);
    expect(compare('y', [Infinity], [1], [1], loose).excess).toBe(Infinity);
    expect(compare('y', [1], [NaN], [1], loose).excess).toBe(Infinity);
    expect(compare('y', [1], [1, 2], [2], loose).excess).toBe(Infinity);
    expect(compareNorm('y', [NaN, 1], [1, 1], [2], 1e9).excess).toBe(Infinity);
    expect(compare('y', [NaN, -Infinity], [NaN, -Infinity], [2], loose).excess).toBe(0);
  });

  it('measures a relative L2 error', () => {
    const { excess, message } = compareNorm('logits', [3, 4.005], [3, 4], [1, 2], 1e-3);
    expect(excess).toBeCloseTo(1, 6);
    expect(message).toContain('relative L2 error 0.00100, allowed 0.00100; largest error 0.00500 at [0, 1]');
  });
});

describe('the report', () => {
  it('counts each case once, and shows the quantity that is farthest off', async () => {
    const results = [
      await runCase('ops', 'a', () => Promise.resolve([same('shape', [1], [1])])),
      await runCase('ops', 'b', () =>
        Promise.resolve([
          compare('output', [1], [2], [1], () => 0.5),
          compare('gradient of x', [1], [9], [1], () => 0.5),
          same('shape', [1], [1]),
        ]),
      ),
      await runCase('ops', 'c', () => Promise.reject(new NotImplementedError('groups'))),
      await runCase('models', 'd', () => Promise.reject(new Error('first line\nsecond'))),
      await runCase('models', 'e', () => Promise.resolve([differs('z', 'there is none')])),
      await runCase('models', 'f', () => Promise.reject(new NotImplementedError('f'))),
      await runCase('ops', 'g', () => Promise.reject(new NotImplementedError('g'))),
    ];
    expect(summarize(results)).toEqual([
      'not implemented in ops.json: c, g',
      'not implemented in models.json: f',
      'FAIL ops.json b: gradient of x: largest error 8.00 at [0]: got 1, expected 9, allowed 0.500; also off: output',
      'FAIL models.json d: first line second',
      'FAIL models.json e: z: there is none',
      'parity: 1 passed, 3 failed, 3 not implemented',
    ]);
  });
});
