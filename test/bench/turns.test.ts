import { describe, expect, it } from 'vitest';
import { takeTurns } from '../../src/bench/turns.js';

const never = () => {
  throw new Error('nobody fails here');
};
const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, 1000 * seconds));

describe('takeTurns', () => {
  it('alternates, and gives everybody samples from several turns', async () => {
    const order: string[] = [];
    const runner = (name: 'facegrad' | 'tfjs-webgpu') => ({
      name,
      sample: async (seconds: number) => {
        order.push(name);
        await sleep(seconds);
        return [order.length];
      },
    });
    const samples = await takeTurns([runner('facegrad'), runner('tfjs-webgpu')], 0.1, never);
    expect(order.slice(0, 6)).toEqual([
      'facegrad',
      'tfjs-webgpu',
      'facegrad',
      'tfjs-webgpu',
      'facegrad',
      'tfjs-webgpu',
    ]);
    expect(samples.get('facegrad')).toEqual(order.flatMap((name, i) => (name === 'facegrad' ? [i + 1] : [])));
  });

  it('lets a slow one have two samples, however small the budget', async () => {
    const slow = { name: 'tfjs-cpu' as const, sample: () => sleep(0.03).then(() => [30]) };
    expect((await takeTurns([slow], 0.001, never)).get('tfjs-cpu')).toEqual([30, 30]);
  });

  it('goes on without one that fails, and forgets its samples', async () => {
    const failures: unknown[] = [];
    let calls = 0;
    const failing = {
      name: 'jax-js' as const,
      sample: () => (++calls > 1 ? Promise.reject(new Error('gone')) : Promise.resolve([1])),
    };
    const steady = { name: 'facegrad' as const, sample: () => sleep(0.005).then(() => [5]) };
    const samples = await takeTurns([failing, steady], 0.05, (name, error) => failures.push([name, error]));
    expect(failures).toEqual([['jax-js', new Error('gone')]]);
    expect([...samples.keys()]).toEqual(['facegrad']);
    expect(samples.get('facegrad')!.length).toBeGreaterThanOrEqual(3);
  });
});
