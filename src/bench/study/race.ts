import { quantile } from '../../util/statistics.js';
import { figuresOf, type Figures } from '../measure.js';
import type { Prepared } from '../contestants/contestant.js';

/** Two versions of one piece of work, timed in turns. */
export interface Race {
  readonly ours: Figures;
  readonly theirs: Figures;
  /** Our time over theirs, of one round each: above 1 theirs is faster. With the range of the middle half. */
  readonly speed: { readonly median: number; readonly low: number; readonly high: number };
  readonly rounds: number;
}

/** A sample holds so many launches that the slower takes about this long: the wait at its end weighs little then. */
const SAMPLE_MS = 20;
const MOST_LAUNCHES = 64;
const LEAST_ROUNDS = 3;

/**
 * Has both take turns for `seconds`, but at least three rounds, the first of a round changing: what the machine does besides
 * falls on both alike.
 * @param amount units of work in a launch
 */
export async function race(
  ours: Prepared,
  theirs: Prepared,
  { seconds, amount, unit, signal }: { seconds: number; amount: number; unit: string; signal?: AbortSignal },
): Promise<Race> {
  const deadline = performance.now() + 1000 * seconds;
  const time = async (runner: Prepared, launches: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < launches; i++) await runner.launch();
    await runner.finish();
    return (performance.now() - start) / launches;
  };
  // The first compiles, the second fills caches.
  await time(ours, 1);
  await time(theirs, 1);
  const slower = Math.max(await time(ours, 1), await time(theirs, 1));
  const launches = Math.min(MOST_LAUNCHES, Math.max(1, Math.round(SAMPLE_MS / slower)));
  const samples: [number[], number[]] = [[], []];
  while (samples[0].length < LEAST_ROUNDS || performance.now() < deadline) {
    signal?.throwIfAborted();
    const swapped = samples[0].length % 2 === 1;
    for (const which of swapped ? ([1, 0] as const) : ([0, 1] as const)) {
      samples[which].push(await time(which === 0 ? ours : theirs, launches));
    }
  }
  const ratios = samples[0].map((ms, i) => ms / samples[1][i]!).sort((a, b) => a - b);
  return {
    ours: figuresOf(samples[0], amount, unit, false),
    theirs: figuresOf(samples[1], amount, unit, false),
    speed: { median: quantile(ratios, 0.5), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) },
    rounds: ratios.length,
  };
}
