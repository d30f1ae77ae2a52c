import type { ContestantName } from './contestants/registry.js';

/** A contestant that is ready for one case. */
export interface Runner {
  readonly name: ContestantName;
  /** Milliseconds of each sample that fits into `seconds`, at least one. */
  readonly sample: (seconds: number) => Promise<readonly number[]>;
}

/** Turns that the budget is cut into: what the machine does besides then falls on all contestants alike. */
const TURNS = 5;
/** What a contestant gets even where the budget is over: without a second sample there is no spread. */
const LEAST_SAMPLES = 3;
const LEAST_SAMPLES_WHEN_SLOW = 2;
/** A contestant is slow where its share of the budget is over so many times. */
const SLOW = 3;

/**
 * Has the runners take turns until each has had its share of `budget` seconds and enough samples. One that fails leaves,
 * and its samples with it.
 */
export async function takeTurns(
  runners: readonly Runner[],
  budget: number,
  onFailure: (name: ContestantName, error: unknown) => void,
): Promise<Map<ContestantName, number[]>> {
  const share = budget / runners.length;
  const samples = new Map(runners.map(({ name }) => [name, [] as number[]]));
  const spent = new Map(runners.map(({ name }) => [name, 0]));
  let left = [...runners];
  while (left.length > 0) {
    for (const { name, sample } of left) {
      const start = performance.now();
      try {
        samples.get(name)!.push(...(await sample(share / TURNS)));
        spent.set(name, spent.get(name)! + (performance.now() - start) / 1000);
      } catch (error) {
        samples.delete(name);
        onFailure(name, error);
      }
    }
    left = left.filter(({ name }) => {
      const had = samples.get(name);
      if (!had) return false;
      const least = spent.get(name)! > SLOW * share ? LEAST_SAMPLES_WHEN_SLOW : LEAST_SAMPLES;
      return spent.get(name)! < share || had.length < least;
    });
  }
  return samples;
}
