import { RandomStream } from '../util/random.js';

/** Streams of the host's generator; each use of randomness has its own, so that adding one does not shift another. */
export const STREAM = { init: 1, dropout: 2, stochasticDepth: 3 } as const;

/**
 * PyTorch's global generator in counter form: what is drawn next depends on `seed` and on how many draws were made, so
 * that both numbers are its whole state.
 */
export class Generator {
  constructor(
    public seed = 0,
    public offset = 0,
  ) {}

  /** The key of the next draw of an operation: (seed, counter). */
  next(): number {
    return this.offset++;
  }

  /** A host sequence of its own for the next draw. */
  stream(stream: number): RandomStream {
    return new RandomStream(this.seed, stream, this.next());
  }
}

const global = new Generator();

/** The generator that dropout and initialisers draw from where they are given none. */
export function defaultGenerator(): Generator {
  return global;
}

/** Seeds the generator that initialisers and dropout draw from. */
export function manualSeed(seed: number): void {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new Error(`a seed is a whole number from 0 to 4294967295, not ${seed}`);
  }
  global.seed = seed;
  global.offset = 0;
}
