import type { Precision } from '../gpu/matrices.js';
import type { OpenOptions } from '../gpu/node.js';
import { checkKernel, WrongResult, type Results } from './check.js';
import { Unsupported, type Contestant, type Prepared } from './contestants/contestant.js';
import { loadContestant, type ContestantName } from './contestants/registry.js';
import { measure } from './measure.js';
import { isKernel, type Work } from './work.js';

/** How preparing a piece of work ended. Plain data: errors lose their class between processes. */
export type Preparation =
  | { readonly outcome: 'ready'; readonly results: Results }
  | { readonly outcome: 'unsupported'; readonly reason: string }
  | { readonly outcome: 'wrong'; readonly reason: string };

/** A sample shorter than this holds several launches, so that the wait at its end weighs little. */
const SAMPLE_MS = 100;
const MOST_LAUNCHES = 32;
const WARM_UP_LAUNCHES = 3;

/** What a contestant's own process does: prepares one piece of work at a time, checks it, and times it. */
export class Stand {
  #contestant: Contestant | undefined;
  #prepared: Prepared | undefined;
  #launches = 1;
  #precision: Precision = 'f32';

  async open(name: ContestantName, options: OpenOptions): Promise<{ adapter: string; software: boolean }> {
    const open = await loadContestant(name);
    this.#contestant = await open(options);
    // The others compute in f32 whatever is asked.
    if (name === 'facegrad') this.#precision = options.precision ?? 'f32';
    const { adapter, software } = this.#contestant;
    return { adapter, software };
  }

  /** Does the work once and checks what a kernel gave; a network's results are for the caller to compare. */
  async prepare(work: Work, weights: string): Promise<Preparation> {
    try {
      this.#prepared = await this.#contestant!.prepare(work, weights);
      const { results } = this.#prepared;
      if (!isKernel(work)) return { outcome: 'ready', results };
      checkKernel(work, results, this.#precision);
      return { outcome: 'ready', results: {} };
    } catch (error) {
      if (error instanceof Unsupported) return { outcome: 'unsupported', reason: error.message };
      if (error instanceof WrongResult) return { outcome: 'wrong', reason: error.message };
      throw error;
    }
  }

  /**
   * Runs the work until it has settled, at most about `seconds`, and chooses how many launches a sample holds.
   * @param single a sample is to be one launch whatever it takes
   */
  async warmUp(seconds: number, single: boolean): Promise<void> {
    const start = performance.now();
    let fastest = Infinity;
    for (let i = 0; i < WARM_UP_LAUNCHES; i++) {
      const before = performance.now();
      await this.#run(1);
      fastest = Math.min(fastest, performance.now() - before);
      if (performance.now() - start > 1000 * seconds) break;
    }
    this.#launches = single ? 1 : Math.min(MOST_LAUNCHES, Math.max(1, Math.round(SAMPLE_MS / fastest)));
    if (this.#launches > 1) await this.#run(this.#launches);
  }

  /** Milliseconds of a launch, in as many samples as fit into `seconds`, at least one. */
  async sample(seconds: number): Promise<readonly number[]> {
    const launches = this.#launches;
    // Others have had the machine since the last turn.
    if (launches > 1) await this.#run(1);
    const samples = await measure(() => this.#run(launches), seconds);
    return samples.map(sample => sample / launches);
  }

  dispose(): void {
    this.#prepared?.dispose();
    this.#prepared = undefined;
  }

  async #run(launches: number): Promise<void> {
    const { launch, finish } = this.#prepared!;
    for (let i = 0; i < launches; i++) {
      const pending = launch();
      if (pending) await pending;
    }
    await finish();
  }
}
