import { open, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { decodeLogs, encodeLogs, type Operation } from '../../interop/optuna-journal.js';
import { JournalReplay } from '../../interop/optuna-replay.js';
import { UserError } from '../../util/errors.js';
import { createFolder } from '../files.js';
import { isOnOwnDisk } from '../../util/disk.js';
import { removeLeftLocks, withJournalLock, type IsHeld } from './journal-lock.js';

const LINE_BREAK = 0x0a;

type Transaction<T> = (replay: JournalReplay) => { append: readonly Operation[]; result: T };

/**
 * A journal on disk, which other processes may append to as well. What is appended is on disk when `transact` returns, in
 * one piece: a process that is killed leaves all of it, or a half line at the end, which nobody reads and the next one cuts
 * off.
 */
export class JournalFile {
  readonly replay = new JournalReplay();
  /** What has been replayed. */
  #bytes = 0;
  #lines = 0;

  private constructor(
    readonly path: string,
    private readonly worker: string,
    readonly onOwnDisk: boolean,
  ) {}

  /**
   * @param worker how this process is called in the journal
   * @throws {UserError} where there is no such file and `create` is not set, or it is no journal
   */
  static async open(path: string, worker: string, { create = false } = {}): Promise<JournalFile> {
    if (create) {
      await createFolder(dirname(resolve(path)));
      await using(path, 'a', () => Promise.resolve());
      await removeLeftLocks(path);
    }
    const journal = new JournalFile(path, worker, await isOnOwnDisk(path));
    await journal.sync();
    return journal;
  }

  /** Takes in what others have appended. */
  async sync(): Promise<void> {
    await using(this.path, 'r', file => this.#read(file));
  }

  /**
   * Appends what `fn` makes of the journal as it is, while nobody else can append; `fn` gives what is to be returned, too. It is
   * asked again where this process stood still for so long that another one has had the lock since.
   */
  async transact<T>(fn: Transaction<T>): Promise<T> {
    for (;;) {
      const done = await withJournalLock(this.path, isHeld =>
        using(this.path, 'r+', file => this.#try(file, fn, isHeld)),
      );
      if (done) return done.result;
    }
  }

  /** Undefined, with the journal as it was, where the lock is no longer this process's. */
  async #try<T>(file: FileHandle, fn: Transaction<T>, isHeld: IsHeld): Promise<{ result: T } | undefined> {
    await this.#read(file);
    const { append, result } = fn(this.replay);
    if (append.length === 0) return { result };
    const logs = append.map(({ op_code, ...rest }) => ({ op_code, worker_id: this.worker, ...rest }));
    const { size } = await file.stat();
    if (!(await isHeld())) return undefined;
    // The half line of a process that was killed would make nonsense of the next one.
    if (size > this.#bytes) await file.truncate(this.#bytes);
    try {
      // At the end, wherever that is by now: should the lock be lost at this very moment, no line of another's is written over.
      await using(this.path, 'a', async end => {
        await writeWhole(end, Buffer.from(encodeLogs(logs)));
        await end.sync();
      });
    } catch (error) {
      // On a full disk the first lines may have had room.
      if (await isHeld()) await file.truncate(this.#bytes);
      throw new Error(`the journal ${this.path} cannot be written: ${(error as Error).message}`, { cause: error });
    }
    await this.#read(file);
    return { result };
  }

  async #read(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size < this.#bytes) throw new UserError(`${this.path} has become shorter: something else writes to it`);
    const bytes = Buffer.alloc(size - this.#bytes);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#bytes);
    // Whole lines only, so that no character is cut in two.
    const whole = bytes.subarray(0, bytes.lastIndexOf(LINE_BREAK, bytesRead - 1) + 1);
    if (whole.length === 0) return;
    const { logs } = decodeLogs(whole.toString('utf8'), this.path, this.#lines + 1);
    for (const log of logs) this.replay.apply(log);
    this.#bytes += whole.length;
    this.#lines += logs.length;
  }
}

/** One write may take a part only. */
async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function using<T>(path: string, flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (error) {
    throw new UserError(`the journal ${path} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
