/** What torture is made of: cases, each of which states what must hold, does its worst, and looks whether it held. */
import { RandomStream } from '../../src/util/random.js';
import type { Stand } from './stand.js';

/** What a promise was broken by. */
export type Breach =
  /** A run that can no longer be gone on with, or has lost what it had saved. */
  | 'lost'
  /** Results that are not those of a run which nothing befell. */
  | 'different'
  /** Files that nobody needs were left, or some were changed that should not have been. */
  | 'untidy'
  /** The process ended, or spoke, in another way than it should. */
  | 'unsaid';

/** A promise that was not kept. */
export class Broken extends Error {
  override readonly name = 'Broken';

  constructor(
    readonly breach: Breach,
    message: string,
  ) {
    super(message);
  }
}

/** @throws Broken unless `holds` */
export function require(holds: boolean, breach: Breach, message: () => string): asserts holds {
  if (!holds) throw new Broken(breach, message());
}

/** What a round did, by names of its own, summed over rounds. `faults` counts what the case is measured in. */
export type Tally = Readonly<Record<string, number>> & { readonly faults: number };

export interface TortureCase {
  readonly name: string;
  /** What must hold, in a sentence. */
  readonly promise: string;
  /** What `faults` counts. */
  readonly faults: string;
  /** Faults in the form that the test suite runs, and in the long one. */
  readonly short: number;
  readonly long: number;
  /**
   * Begins something, lets faults happen to it, and looks at what became of it.
   * @throws Broken where the promise was not kept
   */
  round(stand: Stand, round: Round): Promise<Tally>;
}

/** One go of a case, which draws the same whenever it is begun again with the same seed. */
export interface Round {
  /** From 0. */
  readonly index: number;
  readonly random: RandomStream;
  /** A folder of its own, empty. */
  readonly folder: string;
  /** Faults that are still to come; a round may go beyond them. */
  readonly faultsLeft: number;
}

/** The generator of a case's round. */
export function randomOf(seed: number, name: string, round: number): RandomStream {
  let stream = round;
  for (const letter of name) stream = (Math.imul(stream, 31) + letter.charCodeAt(0)) >>> 0;
  return new RandomStream(seed, stream);
}

/** Sums of what several rounds did. */
export function addTallies(tallies: Iterable<Readonly<Record<string, number>>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const tally of tallies) {
    for (const [name, value] of Object.entries(tally)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}
