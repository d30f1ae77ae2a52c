import { access, constants, readdir, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { UserError } from '../util/errors.js';
import {
  CHECKPOINTS,
  checkpointName,
  checkpointNames,
  parseCheckpointName,
  pruneCheckpoints,
  resumeCandidates,
  type Candidates,
} from './checkpoints.js';
import { parseEventFileName } from './event-files.js';
import {
  createFolder,
  fileOfTemporary,
  isTemporaryName,
  isTemporaryNameOf,
  keepAs,
  kindOf,
  removeFile,
  writeFileAtomic,
} from './files.js';
import { readJsonFile, readText } from './json-file.js';
import { initReportSchema } from './init-report.js';
import type { Lease } from './lease.js';
import { optionsShape } from './options.js';
import { decodeMetrics, encodeMetrics } from './metrics.js';
import type { Branch, Place } from './position.js';
import { lockFolder, requireFree } from './run-lock.js';
import type { EpochRow, TrainSummary } from './types.js';

const fileNames = {
  config: 'config.json',
  metrics: 'metrics.csv',
  summary: 'summary.json',
  best: 'best.safetensors',
  last: 'last.safetensors',
  previous: 'previous.safetensors',
  recipe: 'recipe.yaml',
};

const count = z.int().nonnegative();
const positive = z.number().positive();
const perChannel = z.array(z.number()).min(1);

const configSchema = z.strictObject({
  /** Version of facegrad that began the run. */
  facegrad: z.string().min(1),
  /** ISO 8601. */
  created: z.string().min(1),
  options: z.strictObject(optionsShape),
  data: z.strictObject({
    name: z.string(),
    /** Tells one data set from another whatever its path; a run is resumed only on the data that it began with. */
    fingerprint: z.string().min(1),
    train: count,
    val: count,
    test: count,
  }),
  classes: z.array(z.string()).min(2),
  /** What the run normalises with, per channel: given, or measured on the training split. */
  mean: perChannel,
  std: z.array(positive).min(1),
  /** Whether the network then normalises as ImageNet's images were. */
  imagenet: z.boolean().exactOptional(),
  /** The adapter that the run began on. */
  adapter: z.string(),
  /** What became of the weights that the run began from, where it began from any. */
  init: initReportSchema.exactOptional(),
  /** Kernels that the run computes with, by class of shapes, where they are not the defaults (src/kernels/tuning). */
  tuning: z.record(z.string(), z.string()).exactOptional(),
});

const recall = z.record(z.string(), z.number().nullable());

const summarySchema = z.strictObject({
  model: z.string(),
  data: z.string().exactOptional(),
  parameters: count,
  classes: z.array(z.string()),
  epochs: count,
  bestEpoch: count,
  bestValAccuracy: z.number().exactOptional(),
  bestValLoss: z.number().exactOptional(),
  bestValRecall: recall.exactOptional(),
  testLoss: z.number().exactOptional(),
  testAccuracy: z.number().exactOptional(),
  testRecall: recall.exactOptional(),
  seconds: z.number().nonnegative(),
  imagesPerSecond: z.number().nonnegative(),
  adapter: z.string(),
  runFolder: z.string(),
  interrupted: z.boolean(),
  stoppedEarly: z.boolean().exactOptional(),
});

/** The content of `config.json`: every choice behind a run, and what it needs to be continued or evaluated. */
export type RunConfig = z.infer<typeof configSchema>;

/**
 * The folder of one training run: `config.json`, `metrics.csv`, `best.safetensors`, `last.safetensors` and, until it has
 * finished, `previous.safetensors`; `summary.json`, `recipe.yaml` where the run follows a recipe, and the folder `checkpoints`
 * where it saves more than that. Each is written whole or not at all; files of events for TensorBoard (event-log.ts) grow. One process at a time
 * trains in it: the one that has locked it.
 */
export class RunFolder {
  #config: RunConfig | undefined;
  #unlock: (() => Promise<void>) | undefined;

  private constructor(
    readonly path: string,
    private readonly recipe?: string,
    private readonly lease?: Lease,
    private readonly force = false,
  ) {}

  /**
   * A folder for a new run. Nothing is created or removed before `begin`, so that a fault found in between leaves no
   * trace; what would make `begin` fail is found now. `recipe` is the text that `begin` writes as `recipe.yaml`; `lease` is
   * asked before each file of the run appears.
   * @throws UserError where `path` is a file or cannot be written, where it holds a run and `force` is not set, and
   * where `force` would remove a `config.json` or `recipe.yaml` that no run has written.
   */
  static async create(
    path: string,
    { force = false, recipe, lease }: { force?: boolean; recipe?: string | undefined; lease?: Lease | undefined } = {},
  ): Promise<RunFolder> {
    const existing = await kindOf(path);
    if (existing === 'file') throw new UserError(`--out ${path} is a file; name a folder, new or without a run in it`);
    await requireWritable(existing === 'folder' ? resolve(path) : await nearestExisting(path), path);
    const run = new RunFolder(path, recipe, lease, force);
    if (existing === 'folder') {
      await run.requireFree();
      await run.#requireReplaceable();
    }
    return run;
  }

  /**
   * The folder of a run that has begun; `lease` as of `create`.
   * @throws UserError where there is none or its `config.json` is not valid.
   */
  static async open(path: string, { lease }: { lease?: Lease | undefined } = {}): Promise<RunFolder> {
    const existing = await kindOf(path);
    if (existing === undefined) throw new UserError(`${path}: no such run folder`);
    if (existing === 'file') throw new UserError(`${path} is a file; name the run's folder`);
    const run = new RunFolder(path, undefined, lease);
    run.#config = await run.#readConfig();
    return run;
  }

  /** Whether a run has begun in a folder. */
  static async isBegun(path: string): Promise<boolean> {
    return (await kindOf(join(path, fileNames.config))) === 'file';
  }

  /**
   * Creates the folder, removes the files of the run that it replaces, if any, and writes `config.json` and `recipe.yaml`.
   * @throws UserError where the folder cannot be created, where another process trains in it, and where one has begun a run
   * there since `create`, unless that was forced
   */
  async begin(config: RunConfig): Promise<void> {
    const isLocked = this.#unlock !== undefined;
    if (!isLocked) await this.lock();
    try {
      await this.lease?.check();
      // Minutes may lie between `create` and here, in which data were read and kernels tuned.
      await this.#requireReplaceable();
      // The old config goes first: a half-removed run must not look like one that can be resumed.
      for (const name of await this.#ownFiles()) await removeFile(join(this.path, name));
      await removeIfEmpty(join(this.path, CHECKPOINTS));
      // First the config: it makes the rest files of a run.
      await this.writeConfig(config);
      if (this.recipe !== undefined) await this.writeRecipe(this.recipe);
    } finally {
      if (!isLocked) await this.unlock();
    }
  }

  /**
   * That no process trains in the folder.
   * @throws UserError
   */
  async requireFree(): Promise<void> {
    await requireFree(this.path, this.lease?.name);
  }

  /**
   * Creates the folder where there is none, locks it until `unlock`, and removes what a killed process had not finished writing.
   * @throws UserError where another process trains in it, and where it cannot be created or written
   */
  async lock(): Promise<void> {
    await createFolder(resolve(this.path));
    // Whoever comes late, after standing still, takes nothing away from the next holder.
    await this.lease?.check();
    this.#unlock ??= await lockFolder(this.path, this.lease?.name);
    await this.lease?.check();
    for (const name of await this.#ownFiles()) {
      if (isTemporaryName(basename(name))) await removeFile(join(this.path, name));
    }
  }

  /** Lets other processes have the folder. */
  async unlock(): Promise<void> {
    await this.#unlock?.();
    this.#unlock = undefined;
  }

  /** Writes a file of the run, whole: under another name first, and only where the run may still be written to. */
  async write(path: string, content: Uint8Array | string): Promise<void> {
    await writeFileAtomic(path, content, this.mayAppear);
  }

  /** Asked before a file of the run appears (`writeFileAtomic`). */
  readonly mayAppear = async (): Promise<void> => {
    await this.lease?.check();
  };

  /** Writes config.json. */
  async writeConfig(config: RunConfig): Promise<void> {
    await this.write(this.#file('config'), `${JSON.stringify(config, null, 2)}\n`);
    this.#config = config;
  }

  /** Writes recipe.yaml. */
  async writeRecipe(text: string): Promise<void> {
    await this.write(this.#file('recipe'), text);
  }

  /** Whether there is a run that could be gone on with. */
  get hasBegun(): boolean {
    return this.#config !== undefined;
  }

  /** Known from `begin` or `open` on. */
  get config(): RunConfig {
    if (!this.#config) throw new Error(`run ${this.path} has not begun`);
    return this.#config;
  }

  /** Weights of the epoch with the highest validation accuracy. */
  get best(): string {
    return this.#file('best');
  }

  /** Everything that a resumed run starts from. */
  get last(): string {
    return this.#file('last');
  }

  /** The last state of the epoch before, until the run has finished: where the last one is damaged, the run goes on from here. */
  get previous(): string {
    return this.#file('previous');
  }

  /** Whether an epoch was finished, so that there are best weights. */
  async hasBest(): Promise<boolean> {
    return (await kindOf(this.best)) === 'file';
  }

  /** The states that the run can go on from, the newest first. */
  async candidates(): Promise<Candidates> {
    return resumeCandidates(this.path, [this.last, this.previous]);
  }

  /**
   * The state that `--from` names: by its name, or by a path that ends with it.
   * @throws UserError where the run has none of that name, with those that it has
   */
  async findCheckpoint(given: string): Promise<string> {
    const name = `${basename(given, '.safetensors')}.safetensors`;
    for (const file of [this.last, this.previous]) {
      if (name === basename(file) && (await kindOf(file)) === 'file') return file;
    }
    const names = await checkpointNames(this.path);
    if (names.includes(name)) return join(this.path, CHECKPOINTS, name);
    const valid = names.length > 0 ? `it has ${names.sort().join(', ')}` : 'it has saved no more than its last state';
    throw new UserError(`--from ${given}: ${this.path} has no such checkpoint; ${valid}`);
  }

  /** Whether a state of this place was saved beside the last one. */
  async hasCheckpoint(place: Place): Promise<boolean> {
    return (await kindOf(this.#checkpoint(place))) === 'file';
  }

  /** Keeps the last state as the previous one, before another takes its place. */
  async keepPrevious(): Promise<void> {
    await this.lease?.check();
    await keepAs(this.last, this.previous);
  }

  /** Of a run that has finished: it has nothing to go on with. */
  async removePrevious(): Promise<void> {
    await this.lease?.check();
    await removeFile(this.previous);
  }

  /** Writes a state beside the last one; gives its path. */
  async writeCheckpoint(place: Place, bytes: Uint8Array): Promise<string> {
    await createFolder(resolve(this.path, CHECKPOINTS));
    const file = this.#checkpoint(place);
    await this.write(file, bytes);
    return file;
  }

  /** Removes the checkpoints that need not be kept (checkpoints.ts). */
  async pruneCheckpoints(keep: number, branch?: Branch): Promise<void> {
    await this.lease?.check();
    await pruneCheckpoints(this.path, this.previous, keep, branch);
  }

  /** Path of summary.json. */
  get summary(): string {
    return this.#file('summary');
  }

  /** `metrics.csv`, in full at each call. */
  async writeMetrics(rows: readonly EpochRow[]): Promise<void> {
    await this.write(this.#file('metrics'), encodeMetrics(rows));
  }

  /** The rows of `metrics.csv`, to the last bit; none where it does not exist. */
  async readMetrics(): Promise<EpochRow[]> {
    const file = this.#file('metrics');
    const text = await readText(file);
    return text === undefined ? [] : decodeMetrics(text, file);
  }

  /** Writes summary.json, likewise. */
  async writeSummary(summary: TrainSummary): Promise<void> {
    await this.write(this.summary, `${JSON.stringify(summary, null, 2)}\n`);
  }

  /** Of a run that has gone back to before its end. */
  async removeSummary(): Promise<void> {
    await this.lease?.check();
    await removeFile(this.summary);
  }

  /** What the run's last sitting ended with, or undefined where it was killed or never ended. */
  async readSummary(): Promise<TrainSummary | undefined> {
    return readJsonFile(summarySchema, this.summary);
  }

  /** What `metrics.csv` and `summary.json` tell of the run so far; `problems` say what of them cannot be read. */
  async past(): Promise<{ history: EpochRow[]; summary: TrainSummary | undefined; problems: string[] }> {
    const problems: string[] = [];
    const attempt = async <T>(read: Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await read;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problems.push(error.message);
        return otherwise;
      }
    };
    const history = await attempt(this.readMetrics(), []);
    return { history, summary: await attempt(this.readSummary(), undefined), problems };
  }

  /**
   * That a new run may have the folder.
   * @throws UserError as `create` does
   */
  async #requireReplaceable(): Promise<void> {
    const { path } = this;
    const own = await this.#ownFiles();
    // What was killed while it wrote its very first file is no run.
    const present = own.filter(name => !isTemporaryName(name));
    if (present.includes(fileNames.recipe) && !present.includes(fileNames.config)) {
      // Somebody's own, perhaps the very one that the run is to follow.
      throw new UserError(
        `${join(path, fileNames.recipe)} is of no run, and a run in that folder would replace it; ` +
          'choose another --out, or move the file',
      );
    }
    if (present.length > 0 && !this.force) {
      throw new UserError(
        `--out ${path} holds a run already (${present.join(', ')}); ` +
          `continue it with --resume ${path}, replace it with --force, or choose another folder`,
      );
    }
    if (present.includes(fileNames.config)) {
      // --force means "replace that run", not "remove whatever bears one of these names".
      try {
        await this.#readConfig();
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(`${error.message}\n--force replaces only a run of facegrad's; choose another --out`);
      }
    }
  }

  #checkpoint(place: Place): string {
    return join(this.path, CHECKPOINTS, checkpointName(place));
  }

  #file(which: keyof typeof fileNames): string {
    return join(this.path, fileNames[which]);
  }

  async #readConfig(): Promise<RunConfig> {
    const config = await readJsonFile(configSchema, this.#file('config'));
    if (config === undefined) throw new UserError(`${this.path} holds no run: it has no ${fileNames.config}`);
    return config;
  }

  /** The run's files that exist, config first, and temporary ones that a killed run has left. */
  async #ownFiles(): Promise<string[]> {
    const present = await readdir(this.path);
    const whole = Object.values(fileNames).flatMap(name =>
      present.filter(entry => entry === name || isTemporaryNameOf(entry, name)),
    );
    return [...whole, ...present.filter(parseEventFileName), ...(await this.#checkpointFiles())];
  }

  async #checkpointFiles(): Promise<string[]> {
    if ((await kindOf(join(this.path, CHECKPOINTS))) !== 'folder') return [];
    const isOwn = (name: string) => parseCheckpointName(isTemporaryName(name) ? fileOfTemporary(name) : name);
    return (await readdir(join(this.path, CHECKPOINTS))).filter(isOwn).map(name => join(CHECKPOINTS, name));
  }
}

/** What is told of each of `past`'s problems where a run goes on: they are no reason not to. */
export function problemWarning(problem: string): string {
  return `warning: ${problem}\nIt is written anew from the run's state.`;
}

/** `runs/<model>-<yyyymmdd-hhmmss>` in local time, with -2, -3 … where that exists; in the folder `base`, by default this one. */
export async function defaultRunPath(model: string, now = new Date(), base = ''): Promise<string> {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const stem = join(base, 'runs', `${model}-${day}-${time}`);
  let path = stem;
  for (let i = 2; (await kindOf(path)) !== undefined; i++) path = `${stem}-${i}`;
  return path;
}

/** A folder with something in it that is not the run's stays. */
async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  });
}

async function nearestExisting(path: string): Promise<string> {
  let folder = dirname(resolve(path));
  while ((await kindOf(folder)) === undefined) folder = dirname(folder);
  return folder;
}

async function requireWritable(folder: string, path: string): Promise<void> {
  if ((await kindOf(folder)) === 'file') throw new UserError(`--out ${path} cannot be created: ${folder} is a file`);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new UserError(`--out ${path} cannot be written: no permission in ${folder}`);
  }
}
