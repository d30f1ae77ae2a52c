import type { CheckpointOptions } from './checkpoint-options.js';
import { DEFAULT_KEEP } from './defaults.js';
import type { Position } from './position.js';
import type { RunFolder } from './run.js';

/** Says when a run saves its state, and writes it to where it belongs. */
export class Saver {
  /**
   * Whether the last state is known to be whole, and is that of an epoch's end: those are worth keeping when the next one takes
   * their place, and a run that was stopped in between ends up with the same files.
   */
  #lastIsKept = false;

  constructor(
    private readonly run: RunFolder,
    private readonly options: CheckpointOptions,
    private readonly stepsOfEpoch: number,
  ) {}

  /** Whether a checkpoint beside `last.safetensors` is due at a place. */
  isDue({ epochs, step }: Pick<Position, 'epochs' | 'step'>): boolean {
    const { saveEverySteps, saveEveryEpochs } = this.options;
    if (saveEverySteps !== undefined && (epochs * this.stepsOfEpoch + step) % saveEverySteps === 0) return true;
    return step === 0 && saveEveryEpochs !== undefined && epochs % saveEveryEpochs === 0;
  }

  /** Writes what a run goes on from, and the checkpoint that is due after an epoch; gives the files. */
  async saveLast(position: Position, bytes: Uint8Array): Promise<string[]> {
    if (this.#lastIsKept) await this.run.keepPrevious();
    await this.run.write(this.run.last, bytes);
    this.#lastIsKept = isEnd(position);
    const more = isEnd(position) && this.isDue(position);
    const files = more ? [this.run.last, await this.run.writeCheckpoint(position, bytes)] : [this.run.last];
    await this.#prune(position);
    return files;
  }

  /** Writes a checkpoint in the midst of an epoch. */
  async saveStep(position: Position, bytes: Uint8Array): Promise<string[]> {
    const file = await this.run.writeCheckpoint(position, bytes);
    await this.#prune(position);
    return [file];
  }

  /**
   * Makes good, where a run goes on at the end of an epoch from the state in `file`, what a kill in the midst of `saveLast` or
   * damage has left: the last state and the checkpoint that is due there, which `take` gives, where they are not; and the
   * removal of those that need not be kept. Where it goes on from elsewhere, the last state is not known to be any good.
   */
  async makeGood(position: Position, file: string, take: () => Promise<Uint8Array>): Promise<void> {
    if (isEnd(position)) {
      this.#lastIsKept = true;
      if (file !== this.run.last) await this.run.write(this.run.last, await take());
      const isMissing = this.isDue(position) && !(await this.run.hasCheckpoint(position));
      if (isMissing) await this.run.writeCheckpoint(position, await take());
    }
    await this.#prune(position);
  }

  // Only now: what is removed is no longer needed once the new state is on disk.
  async #prune({ branch }: Position): Promise<void> {
    await this.run.pruneCheckpoints(this.options.keep ?? DEFAULT_KEEP, branch);
  }
}

function isEnd({ epochs, step }: Position): boolean {
  return step === 0 && epochs > 0;
}
