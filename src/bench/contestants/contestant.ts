import type { OpenOptions } from '../../gpu/node.js';
import type { Results } from '../check.js';
import type { Work } from '../work.js';

/** A piece of work that is ready to be timed. */
export interface Prepared {
  /** What the first launch gave. */
  readonly results: Results;
  /** Does the work once, or has the GPU begin it. */
  readonly launch: () => void | Promise<void>;
  /** Waits until everything that was launched has been done. */
  readonly finish: () => Promise<void>;
  readonly dispose: () => void;
}

/** Somebody who can be timed. */
export interface Contestant {
  /** What it runs on. */
  readonly adapter: string;
  /** Whether that is a processor: work that is meant for GPUs takes minutes there. */
  readonly software: boolean;
  /**
   * @param weights safetensors file of a network's weights, PyTorch's names and shapes: facegrad writes it, the others read it
   * @throws Unsupported where it cannot do the work
   */
  readonly prepare: (work: Work, weights: string) => Promise<Prepared>;
}

export type OpenContestant = (options: OpenOptions) => Promise<Contestant>;

/** A contestant lacks an operation that the work needs. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}
