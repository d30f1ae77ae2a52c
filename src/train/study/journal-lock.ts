import { randomUUID } from 'node:crypto';
import { link, lstat, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../util/errors.js';

/** A lock that stayed as it is for so long was left by a process that is gone. */
const GRACE_MS = 30_000;
const LONGEST_SLEEP_MS = 100;
/** What is being renamed is gone, or back, in less. */
const LEFT_MS = 3_600_000;

/** Whether the lock is still this process's: another one takes it away where this one stood still for too long. */
export type IsHeld = () => Promise<boolean>;

/**
 * Runs `fn` while no other process appends to the journal: `<path>.lock` is made where there is none, as Optuna's
 * JournalFileOpenLock makes it, and its JournalFileSymlinkLock respects it. The file says whose it is, which Optuna never asks.
 * @param graceMs after which a lock that nobody has renewed is taken away
 * @throws {UserError} where the lock cannot be made
 */
export async function withJournalLock<T>(
  path: string,
  fn: (isHeld: IsHeld) => Promise<T>,
  graceMs = GRACE_MS,
): Promise<T> {
  const lock = lockOf(path);
  const token = randomUUID();
  const isOwn = (file: string) => holds(file, token);
  await acquire(lock, token, graceMs);
  try {
    return await fn(() => isOwn(lock));
  } finally {
    await takeAway(lock, isOwn);
  }
}

/** Removes locks that were being taken away when their taker was killed. */
export async function removeLeftLocks(path: string): Promise<void> {
  const folder = dirname(path);
  const start = basename(lockOf(path));
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start) || !name.endsWith(RENAMED)) continue;
    const file = join(folder, name);
    const found = await lstat(file).catch(() => undefined);
    // In a folder that may not be written it stays, and holds nobody up.
    if (found && Date.now() - found.mtimeMs > LEFT_MS) await rm(file, { force: true }).catch(() => undefined);
  }
}

const RENAMED = '.rename';
const lockOf = (path: string) => `${path}.lock`;

async function acquire(lock: string, token: string, graceMs: number): Promise<void> {
  let seen: string | undefined;
  let since = performance.now();
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_SLEEP_MS)) {
    if (await make(lock, token)) return;
    const state = await stateOf(lock);
    if (state !== seen) {
      seen = state;
      since = performance.now();
    }
    if (state !== undefined && performance.now() - since > graceMs) {
      await takeAway(lock, async file => (await stateOf(file)) === state);
    }
    await sleep(wait);
  }
}

/** False where there is a lock already. */
async function make(lock: string, token: string): Promise<boolean> {
  const fault = (error: unknown) =>
    new UserError(`the journal cannot be locked: ${(error as Error).message}`, { cause: error });
  const file = await open(lock, 'wx').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw fault(error);
  });
  if (!file) return false;
  try {
    await file.writeFile(token);
  } catch (error) {
    await unlink(lock).catch(() => undefined);
    throw fault(error);
  } finally {
    await file.close();
  }
  return true;
}

async function holds(file: string, token: string): Promise<boolean> {
  const found = await lstat(file).catch(() => undefined);
  // Not through a link of Optuna's, which leads to the whole journal.
  if (!found?.isFile() || found.size !== token.length) return false;
  return (await readFile(file, 'utf8').catch(() => '')) === token;
}

/**
 * What changes when a lock is another one or renewed; undefined where it has just gone. Optuna's link need not lead anywhere, seen
 * from here; where it leads to the journal, it changes with that.
 */
async function stateOf(lock: string): Promise<string | undefined> {
  const found = await lstat(lock, { bigint: true }).catch(() => undefined);
  if (!found) return undefined;
  const journal = found.isSymbolicLink() ? await stat(lock, { bigint: true }).catch(() => undefined) : undefined;
  return [found.dev, found.ino, found.mtimeNs, journal?.mtimeNs ?? ''].join(' ');
}

/**
 * Takes a lock away if it is the one that is meant. It is renamed first and looked at again: of two that find a lock old, one
 * alone takes it away, and the one that has come since is put back.
 */
async function takeAway(lock: string, isMeant: (file: string) => Promise<boolean>): Promise<void> {
  if (!(await isMeant(lock))) return;
  const gone = `${lock}${randomUUID()}${RENAMED}`;
  try {
    await rename(lock, gone);
    // Where yet another has come, or the disk has no such links, its owner finds out before it writes.
    if (!(await isMeant(gone))) await link(gone, lock).catch(() => undefined);
    await unlink(gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
