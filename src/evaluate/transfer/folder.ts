import { realpath, rm } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { createFolder, kindOf, removeTemporaryFiles, writeFileAtomic } from '../../train/files.js';
import { readJsonFile } from '../../train/json-file.js';
import { lockFolder, requireFree } from '../../train/run-lock.js';
import { UserError } from '../../util/errors.js';
import { recordSchema, type Measurement, type TransferRecord, type TransferScores } from './record.js';
import { transferCsv, transferMarkdown } from './table.js';

/**
 * The folder of a transfer: `transfer.json`, the table as `transfer.md` and `transfer.csv`, and the run that fine-tunes in `run/`.
 * One process at a time writes there: the one that has begun the transfer or goes on with it, until it closes the folder.
 */
export class TransferFolder {
  #unlock: (() => Promise<void>) | undefined;

  private constructor(
    readonly path: string,
    private current: TransferRecord,
  ) {}

  /**
   * Begins a transfer in `path`; with `force`, where there may be an older one.
   * @throws UserError where one has been begun there meanwhile, and where another process writes there
   */
  static async create(path: string, record: TransferRecord, { force = false } = {}): Promise<TransferFolder> {
    const folder = new TransferFolder(path, record);
    await createFolder(resolve(path));
    await folder.#lock(async () => {
      // Asked before the data were read, which may be minutes ago.
      await TransferFolder.requireFree(path, force, record.from.run);
      // What an older transfer's run came to is not this one's.
      if ((await kindOf(folder.run)) !== undefined) await removeRun(folder.run);
      await folder.#write();
    });
    return folder;
  }

  /**
   * Goes on with the transfer in `path`; one that is complete is only looked at.
   * @throws UserError where there is none, or its file is not valid, and where another process writes there
   */
  static async resume(path: string): Promise<TransferFolder> {
    const folder = await TransferFolder.open(path);
    if (folder.record.sourceAfter) return folder;
    await folder.#lock(async () => {
      // What another process has kept until it let go of the folder.
      folder.current = (await TransferFolder.open(path)).record;
    });
    return folder;
  }

  /**
   * @param from the run that the network comes from
   * @throws UserError where a new transfer cannot be begun in `path`
   */
  static async requireFree(path: string, force: boolean, from: string): Promise<void> {
    if ((await kindOf(path)) === 'file') throw new UserError(`--out ${path} is a file; name a folder`);
    if ((await kindOf(fileIn(path))) !== undefined) {
      // --force means "replace that transfer", not "remove whatever bears these names".
      if (force) {
        const { run } = await TransferFolder.open(path);
        if ((await kindOf(run)) === undefined) return;
        if (await isWithin(from, run)) {
          throw new UserError(`--force would remove ${from}, which --from names; choose another --out`);
        }
        await requireFree(run);
      } else {
        throw new UserError(
          `--out ${path} holds a transfer already; continue it with --resume ${path}, replace it with --force, ` +
            'or choose another folder',
        );
      }
    } else if ((await kindOf(join(path, 'config.json'))) ?? (await kindOf(join(path, 'run')))) {
      throw new UserError(`--out ${path} holds something else; choose another folder for the transfer`);
    }
  }

  /**
   * The folder of a transfer that was begun, to look at.
   * @throws UserError where there is none, or its file is not valid
   */
  static async open(path: string): Promise<TransferFolder> {
    const record = await readJsonFile(recordSchema, fileIn(path));
    if (!record) throw new UserError(`${path} holds no transfer: it has no transfer.json`);
    return new TransferFolder(path, record);
  }

  get record(): TransferRecord {
    return this.current;
  }

  /** Where the run that fine-tunes lies. */
  get run(): string {
    return join(this.path, 'run');
  }

  /** Keeps what a part has come to. */
  async keep(which: Measurement, scores: TransferScores): Promise<void> {
    this.current = { ...this.current, [which]: scores };
    await this.#write();
  }

  /** Lets other processes have the folder. */
  async close(): Promise<void> {
    await this.#unlock?.();
    this.#unlock = undefined;
  }

  /** Locks the folder, which stays locked unless `begin` fails. */
  async #lock(begin: () => Promise<void>): Promise<void> {
    this.#unlock = await lockFolder(this.path);
    try {
      await removeTemporaryFiles(this.path, Object.values(fileNames));
      await begin();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #write(): Promise<void> {
    // The table first: a transfer that is complete has one.
    await writeFileAtomic(join(this.path, fileNames.markdown), transferMarkdown(this.current));
    await writeFileAtomic(join(this.path, fileNames.csv), transferCsv(this.current));
    await writeFileAtomic(fileIn(this.path), `${JSON.stringify(this.current, null, 2)}\n`);
  }
}

/** Whether a folder is another one or lies in it, whatever links lead there. */
async function isWithin(path: string, folder: string): Promise<boolean> {
  const way = relative(await realpath(folder), await realpath(path));
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** Also where somebody had begun to train in it by hand: then it is refused. */
async function removeRun(path: string): Promise<void> {
  const unlock = await lockFolder(path);
  try {
    await rm(path, { recursive: true, force: true });
  } finally {
    await unlock();
  }
}

const fileNames = { record: 'transfer.json', markdown: 'transfer.md', csv: 'transfer.csv' };

const fileIn = (path: string) => join(path, fileNames.record);
