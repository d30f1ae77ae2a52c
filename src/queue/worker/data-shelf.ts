import type { DataSet } from '../../data/dataset.js';
import { isMachineFault } from '../../train/machine-fault.js';
import type { TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import type { DataRoots } from '../data-root.js';
import { ownData } from '../own-data.js';
import { localOptions, withoutFold } from '../places.js';
import type { DataPlace, Task } from '../protocol.js';
import type { Store } from '../store.js';

/** This machine does not have the data of a job; another one may. */
export class DataMissing extends UserError {
  override readonly name = 'DataMissing';
}

/** A job's data and options on this machine. */
export interface LocalTask {
  readonly data: DataSet;
  readonly options: TrainOptions;
}

interface Held {
  readonly key: string;
  readonly data: DataSet;
  readonly paths: ReadonlyMap<DataPlace, string>;
}

/** Finds the data of jobs on this machine; those of the last job stay in memory, because the next one mostly has the same. */
export class DataShelf {
  #held: Held | undefined;

  constructor(
    private readonly roots: DataRoots,
    private readonly store: Store,
    private readonly load: (options: TrainOptions) => Promise<DataSet>,
  ) {}

  /**
   * That every file which jobs name is there, whatever is in it.
   * @throws {DataMissing} which says what to do
   */
  async require({ files }: Pick<Task, 'files'>): Promise<ReadonlyMap<DataPlace, string>[]> {
    const { choices, missing } = await this.roots.locate(files);
    if (missing.length === 0) return choices;
    throw new DataMissing(
      `${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not under --data-root (${this.roots.toString()}); ` +
        'start a worker with --data-root <the folder that holds it>',
    );
  }

  /** @throws {DataMissing} where this machine has other data under the names of the job's, or none */
  async take(task: Task): Promise<LocalTask> {
    const held = await this.#hold(task);
    const options = localOptions(task, held.paths, this.store);
    return { options, data: await ownData(held.data, options, this.load) };
  }

  async #hold(task: Task): Promise<Held> {
    const key = JSON.stringify([task.data, task.files]);
    if (this.#held?.key === key) return this.#held;
    const choices = await this.require(task);
    const found: string[] = [];
    for (const paths of choices) {
      const options = withoutFold(localOptions(task, paths, this.store));
      // No more than one data set is held.
      this.#held = undefined;
      try {
        const data = await this.load(options);
        if (data.fingerprint === task.data.fingerprint) return (this.#held = { key, data, paths });
        found.push(`${options.data} has fingerprint ${data.fingerprint}`);
      } catch (error) {
        if (!(error instanceof UserError) || isMachineFault(error)) throw error;
        found.push(error.message);
      }
    }
    throw new DataMissing(
      `${found.join('; ')}: not the data of these jobs, ${task.data.title}, fingerprint ${task.data.fingerprint}; ` +
        'start a worker with --data-root <the folder that holds those>',
    );
  }
}
