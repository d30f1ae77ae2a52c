import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/train/study/pruners.js';
import { trialOf } from './trials.js';

const running = (...intermediate: [number, number][]) => trialOf({ number: 9, state: 'running', intermediate });

describe('the median pruner', () => {
  const options = { name: 'median', nStartupTrials: 3, nWarmupSteps: 2, intervalSteps: 1 } as const;
  // At step 2: 1, 2 and 4, so the median is 2; at step 3: 3 and 4.
  const trials = [
    trialOf({
      number: 0,
      intermediate: [
        [1, 9],
        [2, 1],
      ],
    }),
    trialOf({
      number: 1,
      intermediate: [
        [1, 9],
        [2, 2],
        [3, 3],
      ],
    }),
    trialOf({
      number: 2,
      intermediate: [
        [1, 9],
        [2, 4],
        [3, 4],
      ],
    }),
    trialOf({ number: 3, state: 'pruned', intermediate: [[2, 0]] }),
  ];
  const prunes = (trial: ReturnType<typeof running>, more: Partial<typeof options> & object = {}, among = trials) =>
    decide({ ...options, ...more }, 'minimize', trial, among).prune;

  it('stops a trial whose best value is worse than the median of the complete ones at its step', () => {
    expect(prunes(running([2, 2.1]))).toBe(true);
    expect(prunes(running([2, 2]))).toBe(false);
    // Its best so far counts, not its last.
    expect(prunes(running([1, 1.5], [2, 50]))).toBe(false);
    // 3.5 between 3 and 4.
    expect(prunes(running([2, 3.6], [3, 3.6]))).toBe(true);
    expect(prunes(running([2, 3.4], [3, 3.4]))).toBe(false);
  });

  it('turns round where the value is to be large', () => {
    expect(decide(options, 'maximize', running([2, 1.9]), trials).prune).toBe(true);
    expect(decide(options, 'maximize', running([2, 2]), trials).prune).toBe(false);
  });

  it('waits for enough complete trials, for the warm-up and for others to have come as far', () => {
    expect(prunes(running([2, 99]), {}, trials.slice(0, 2))).toBe(false);
    expect(prunes(running([1, 99]))).toBe(false);
    expect(prunes(running([4, 99]))).toBe(false);
    expect(prunes(running())).toBe(false);
  });

  it('decides once in each interval', () => {
    const far = [0, 1, 2].map(number =>
      trialOf({ number, intermediate: Array.from({ length: 8 }, (_, i): [number, number] => [i + 1, 1]) }),
    );
    const epochs = (last: number) => Array.from({ length: last }, (_, i): [number, number] => [i + 1, 5]);
    // Due at 2, 5 and 8; what came between has been judged.
    const decisions = [2, 3, 4, 5, 6, 7, 8].map(last =>
      prunes(running(...epochs(last)), { intervalSteps: 3 } as object, far),
    );
    expect(decisions).toEqual([true, false, false, true, false, false, true]);
  });
});

describe('successive halving', () => {
  const options = { name: 'successive-halving', minResource: 1, reductionFactor: 2, minEarlyStoppingRate: 0 } as const;
  const at = (number: number, ...values: number[]) =>
    trialOf({
      number,
      state: 'running',
      systemAttrs: Object.fromEntries(values.map((value, rung) => [`completed_rung_${rung}`, value])),
    });

  it('lets the best half of those that have come to a rung go on', () => {
    const others = [at(0, 1), at(1, 2), at(2, 3)];
    // With its own there are four: the best two go on.
    expect(decide(options, 'minimize', running([1, 1.5]), others)).toEqual({
      prune: false,
      systemAttrs: new Map([['completed_rung_0', 1.5]]),
    });
    expect(decide(options, 'minimize', running([1, 2.5]), others).prune).toBe(true);
    expect(decide(options, 'maximize', running([1, 2.5]), others).prune).toBe(false);
  });

  it('remembers the value of a trial that it stops, for those that come later', () => {
    const { systemAttrs } = decide(options, 'minimize', running([1, 2.5]), [at(0, 1)]);
    expect(systemAttrs).toEqual(new Map([['completed_rung_0', 2.5]]));
  });

  it('lets the best alone go on where there are fewer than the factor', () => {
    const four = { ...options, reductionFactor: 4 };
    expect(decide(four, 'minimize', running([1, 1]), []).prune).toBe(false);
    expect(decide(four, 'minimize', running([1, 1]), [at(0, 0.5), at(1, 2)]).prune).toBe(true);
    expect(decide(four, 'minimize', running([1, 0.4]), [at(0, 0.5), at(1, 2)]).prune).toBe(false);
  });

  it('has rungs at the resource times powers of the factor, and decides nothing between them', () => {
    const late = { ...options, minResource: 2, minEarlyStoppingRate: 1 };
    expect(decide(late, 'minimize', running([3, 99]), [at(0, 1)])).toEqual({ prune: false, systemAttrs: new Map() });
    expect(decide(late, 'minimize', running([4, 99]), [at(0, 1)]).prune).toBe(true);
    // Rung 1 lies at 2 · 2 ^ (1 + 1).
    const second = { ...running([7, 99]), systemAttrs: new Map([['completed_rung_0', 1]]) };
    expect(decide(late, 'minimize', second, [at(0, 1, 1)]).prune).toBe(false);
    const due = { ...second, intermediate: new Map([[8, 99]]) };
    expect(decide(late, 'minimize', due, [at(0, 1, 1)]).prune).toBe(true);
  });
});
