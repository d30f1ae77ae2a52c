import { join } from 'node:path';
import type { Stand } from './stand.js';
import { addTallies, Broken, randomOf, type Breach, type Tally, type TortureCase } from './torture.js';

/** What became of a round; a line of the log. */
export interface RoundResult {
  readonly case: string;
  readonly round: number;
  readonly seconds: number;
  /** Where every promise was kept. */
  readonly tally?: Tally;
  readonly broken?: { readonly breach: Breach | 'failed'; readonly message: string };
}

/**
 * Plays rounds of a case until it has had `amount` faults, those of the rounds in `done` included; a round that broke a
 * promise counts as one fault. The folder of such a round stays.
 */
export async function* drive(
  one: TortureCase,
  stand: Stand,
  { seed, amount, done = [] }: { seed: number; amount: number; done?: readonly RoundResult[] },
): AsyncGenerator<RoundResult> {
  let faults = addTallies(done.map(faultsOf))['faults'] ?? 0;
  for (let index = done.length; faults < amount; index++) {
    const begun = performance.now();
    const folder = await stand.emptyFolder(one.name, String(index));
    const random = randomOf(seed, one.name, index);
    const name = { case: one.name, round: index };
    const seconds = () => Math.round(performance.now() - begun) / 1000;
    let result: RoundResult;
    try {
      const tally = await one.round(stand, { index, random, folder, faultsLeft: amount - faults });
      result = { ...name, seconds: seconds(), tally };
      await stand.removeFolder(one.name, String(index));
    } catch (error) {
      const breach = error instanceof Broken ? error.breach : 'failed';
      const message = `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nin ${join(folder)}`;
      result = { ...name, seconds: seconds(), broken: { breach, message } };
    }
    faults += faultsOf(result).faults;
    yield result;
  }
}

export function faultsOf({ tally }: RoundResult): { faults: number } {
  return { faults: tally?.faults ?? 1 };
}
