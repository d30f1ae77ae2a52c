import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fill, fnv1a, initialState } from './fill.js';

// Expected values were printed by the Python that writes the goldens.

describe('fill', () => {
  it('hashes names', () => {
    expect(['', 'a', 'conv2d/input', 'é'].map(fnv1a)).toEqual([2166136261, 3826002220, 1485584142, 513665217]);
  });

  it('gives the values of the generator', () => {
    expect([...fill('conv2d/input', [2, 3], 0)]).toEqual([
      -0.04790181666612625, 0.8510156273841858, -0.317801833152771, -0.0764930248260498, -0.19898544251918793,
      -0.4207198917865753,
    ]);
    expect([...fill('linear/weight', [4], 5, 0.5, 1)]).toEqual([
      1.1345347166061401, 0.9444408416748047, 1.2270582914352417, 0.932477593421936,
    ]);
    expect([...fill('x', [3], 4294967295, 8, -1)]).toEqual([
      -3.035261631011963, -4.29749870300293, -3.9684226512908936,
    ]);
  });

  it('gives them bit for bit over a hundred thousand', () => {
    const bytes = new Uint8Array(fill('big', [100_000], 123, 2, 0.7).buffer);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      'ea0737fb8050448bf89095fa97f8bb3de7cf426df7d7103bc259064704192315',
    );
  });

  it('fills a state dict by its names', () => {
    expect(initialState('bn.num_batches_tracked', [], 3)).toEqual({
      dtype: 'I64',
      shape: [],
      data: BigInt64Array.of(0n),
    });
    const data = (name: string, shape: number[]) => initialState(name, shape, 3).data;
    expect(data('bn.running_mean', [4])).toEqual(fill('bn.running_mean', [4], 3, 0.2));
    expect(data('bn.running_var', [4])).toEqual(fill('bn.running_var', [4], 3, 0.5, 1));
    expect(data('bn.weight', [4])).toEqual(fill('bn.weight', [4], 3, 0.2, 1));
    expect(data('bn.bias', [4])).toEqual(fill('bn.bias', [4], 3, 0.2));
    expect(data('conv.weight', [4, 2, 3, 3])).toEqual(
      fill('conv.weight', [4, 2, 3, 3], 3, Math.sqrt(12) * Math.sqrt(2 / 18)),
    );
  });
});
