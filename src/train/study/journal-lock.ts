import { randomUUID } from 'node:crypto';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../util/errors.js';

/** A lock that stayed as it is for so long was left by a process that is gone. */
const GRACE_MS = 30_000;
const LONGEST_SLEEP_MS = 100;

/**
 * Runs `fn` while no other process appends to the journal: `<path>.lock` is made where there is none, as Optuna's
 * JournalFileOpenLock makes it, and its JournalFileSymlinkLock respects it.
 * @param graceMs after which a lock that nobody has renewed is taken away
 * @throws {UserError} where the lock cannot be made
 */
export async function withJournalLock<T>(path: string, fn: () => Promise<T>, graceMs = GRACE_MS): Promise<T> {
  const lock = `${path}.lock`;
  await acquire(lock, graceMs);
  try {
    return await fn();
  } finally {
    await release(lock);
  }
}

async function acquire(lock: string, graceMs: number): Promise<void> {
  let seen: number | undefined;
  let since = performance.now();
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_SLEEP_MS)) {
    try {
      await (await open(lock, 'wx')).close();
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new UserError(`the journal cannot be locked: ${message}`, { cause: error });
    }
    const changed = await changeTime(lock);
    if (changed === undefined) continue;
    if (changed !== seen) {
      seen = changed;
      since = performance.now();
    }
    if (performance.now() - since > graceMs) await release(lock);
    else await sleep(wait);
  }
}

/** Optuna's lock is a link to the journal, which changes with it; undefined where the lock has just gone. */
async function changeTime(lock: string): Promise<number | undefined> {
  try {
    return (await stat(lock)).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Renamed first: of two that find a lock old, one alone takes it away, and not the one that has come since. */
async function release(lock: string): Promise<void> {
  const gone = `${lock}${randomUUID()}.rename`;
  try {
    await rename(lock, gone);
    await unlink(gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
