import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/util/random.js';
import { verdictOf, type Sample } from './soak-verdict.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const STEPS = 10_000;

/** What a soak of so many steps sees: noise as it was seen, memory that fills in the first 800, and what is added. */
function samplesOf(add: (done: number) => Partial<Sample> = () => ({}), steps = STEPS): Sample[] {
  const random = new RandomStream(1, 0);
  return Array.from({ length: Math.floor(steps / 220) }, (_, i) => {
    const done = 220 * (i + 1);
    const filling = Math.min(0, done - 800) * 30 * KIB;
    const outlier = random.uniform() < 0.15 ? 5 * MIB : 0;
    const { resident = 0, heap = 0, live = 0, buffers = 0 } = add(done);
    return {
      ...{ done, live: 3_415_808 + live, buffers: 16 + buffers, drawn: 23 * MIB },
      resident: 385 * MIB + filling + random.uniform() * 10 * MIB + resident,
      heap: 50 * MIB + random.uniform() * MIB * 0.4 + outlier + heap,
    };
  });
}

const judge = (samples: readonly Sample[], done = STEPS) => verdictOf({ what: 'steps', done, seconds: 1, samples });

describe('the verdict of a soak', () => {
  it('is that memory holds, where there is noise and the warm-up fills it', () => {
    expect(judge(samplesOf())).toMatchObject({ holds: true, warmUp: 1000 });
  });

  it('finds a leak of 2 KiB a step in what JavaScript holds, by how its medians grow', () => {
    const { holds, heap } = judge(samplesOf(done => ({ heap: 2 * KIB * done, resident: 2 * KIB * done })));
    expect(holds).toBe(false);
    expect(heap.perStep / KIB).toBeGreaterThan(1.9);
    expect(heap.perStep / KIB).toBeLessThan(2.1);
    expect(judge(samplesOf(done => ({ heap: 2 * KIB * done }))).holds).toBe(false);
  });

  it('finds a leak of 4 KiB a step outside JavaScript in resident memory', () => {
    expect(judge(samplesOf(done => ({ resident: 4 * KIB * done }))).holds).toBe(false);
  });

  it('finds resident memory that was higher only once', () => {
    expect(judge(samplesOf(done => ({ resident: done === 5060 ? 40 * MIB : 0 }))).holds).toBe(false);
  });

  it.each(['live', 'buffers'] as const)('finds one change of %s on the GPU, after the warm-up alone', key => {
    expect(judge(samplesOf(done => ({ [key]: done === 5060 ? 1 : 0 }))).holds).toBe(false);
    expect(judge(samplesOf(done => ({ [key]: done === 440 ? 1 : 0 }))).holds).toBe(true);
  });

  it('is none where there are fewer than eight samples after the warm-up', () => {
    expect(judge(samplesOf(undefined, 2700), 2700)).toMatchObject({ samples: 8, holds: true });
    expect(judge(samplesOf(undefined, 2500), 2500)).toMatchObject({ samples: 7, holds: undefined });
    expect(judge([], 10).holds).toBeUndefined();
  });
});
