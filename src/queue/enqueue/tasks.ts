import { titleOf, type DataSet } from '../../data/dataset.js';
import { dataKey } from '../../train/load-options.js';
import { recipeText, type RecipeHead } from '../../train/recipes/index.js';
import { RunFolder } from '../../train/run.js';
import type { TrainOptions } from '../../train/types.js';
import { ownData } from '../own-data.js';
import { portableOptions, withoutFold } from '../places.js';
import { PROTOCOL, type Task } from '../protocol.js';
import type { Store } from '../store.js';
import { appears } from './shared-disk.js';

/** A run that is to be trained somewhere, as this machine knows it. */
export interface Run {
  /** For people. */
  readonly title: string;
  /** Its folder here. */
  readonly path: string;
  readonly options: TrainOptions;
  readonly head: RecipeHead;
}

/** Whole, before folds are drawn. */
export interface DataIdentity {
  readonly title: string;
  readonly fingerprint: string;
}

export type TaskSettings = Pick<Task, 'test' | 'evaluate'> & {
  readonly autotune?: boolean | undefined;
  readonly tensorboard?: boolean | undefined;
};

/**
 * The job that trains a run.
 * @throws {UserError} where the run or the weights that it begins from lie outside the store
 */
export async function taskOf(
  { title, path, options, head }: Run,
  data: DataIdentity,
  store: Store,
  version: string,
  { test, evaluate, autotune, tensorboard }: TaskSettings,
): Promise<Task> {
  return {
    ...{ protocol: PROTOCOL, facegrad: version, title, data: { title: data.title, fingerprint: data.fingerprint } },
    run: await store.require('the run folder', path),
    ...(await portableOptions(options, store)),
    comment: head.comment,
    ...(head.about ? { about: head.about } : {}),
    ...{ test, evaluate },
    ...(autotune === undefined ? {} : { autotune }),
    ...(tensorboard === undefined ? {} : { tensorboard }),
  };
}

/**
 * Gives the folder of a run that another machine has trained the paths of this one: its files are then as if it had been
 * trained here.
 * @param isComplete whether it is known to be: it is waited for until it shows here
 */
export async function adoptRun({ path, options, head }: Omit<Run, 'title'>, isComplete: boolean): Promise<void> {
  const ended = async () => {
    const summary = (await RunFolder.isBegun(path)) ? await (await RunFolder.open(path)).readSummary() : undefined;
    return summary?.interrupted === false ? summary : undefined;
  };
  const summary = isComplete ? await appears(path, ended) : await ended();
  if (!(await RunFolder.isBegun(path))) return;
  const run = await RunFolder.open(path);
  await run.writeConfig({ ...run.config, options });
  await run.writeRecipe(recipeText(options, head));
  if (summary) await run.writeSummary({ ...summary, runFolder: path });
}

/** What data a run has. */
export interface DataIdentities {
  /** Before its fold is drawn: what workers look for. */
  readonly whole: DataIdentity;
  /** What it is trained on. */
  readonly own: DataIdentity;
}

/** Finds out which data runs have, and loads what it has not seen. No data stay in memory. */
export class DataBook {
  readonly #known = new Map<string, DataIdentities>();

  constructor(private readonly load: (options: TrainOptions) => Promise<DataSet>) {}

  async of(options: TrainOptions): Promise<DataIdentities> {
    const key = dataKey(options);
    const known = this.#known.get(key);
    if (known) return known;
    const whole = await this.load(withoutFold(options));
    const own = await ownData(whole, options, this.load);
    const identities = { whole: identityOf(whole), own: identityOf(own) };
    this.#known.set(key, identities);
    return identities;
  }
}

function identityOf(data: DataSet): DataIdentity {
  return { title: titleOf(data), fingerprint: data.fingerprint };
}
