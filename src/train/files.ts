import { randomInt } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../util/disk.js';
import { UserError } from '../util/errors.js';
import { isPathError } from '../util/path-errors.js';
import { LeaseLost } from './lease.js';

/** Tells this process from all others, also from one of the same number on another machine that shares the disk. */
const PROCESS = `${process.pid}${String(randomInt(1e9)).padStart(9, '0')}`;

/** The name under which `path` is written until it is whole; one for each process, so that two never share a file. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${PROCESS}.tmp`);
}

const temporary = /^\.(.+)\.\d+\.tmp$/;

/** Whether `name` may be one under which a file was being written. */
export function isTemporaryName(name: string): boolean {
  return temporary.test(name);
}

/** The file that was being written under a temporary name. */
export function fileOfTemporary(name: string): string {
  return temporary.exec(name)?.[1] ?? name;
}

/** Whether `name` is what a killed process may have left behind while it wrote `file`. */
export function isTemporaryNameOf(name: string, file: string): boolean {
  return isTemporaryName(name) && fileOfTemporary(name) === file;
}

/**
 * Removes what killed processes have left behind while they wrote files of a folder.
 * @param files names of files that nobody writes but this process
 */
export async function removeTemporaryFiles(folder: string, files: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isTemporaryName(name) && files.includes(fileOfTemporary(name))) await removeFile(join(folder, name));
  }
}

/** What the system says where there is no room for a file. */
const FULL: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of disk space is used up',
  EFBIG: 'the file is larger than this process may write (ulimit -f)',
};

/** A file could not be written for want of room; what was there before is there still. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
}

/**
 * Writes a file so that whoever looks, even after a power cut, finds the old content or the new, never a part: a
 * temporary file in the same folder is written and synced, then renamed, then the folder is synced.
 * @param mayAppear asked before the renaming; where it throws, everything is left as it was
 * @throws UserError where there is no such folder or it may not be written, DiskFullError where there is no room
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  mayAppear?: () => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await withFile(temporary, 'w', async file => {
      await file.writeFile(content);
      await file.sync();
    });
    await mayAppear?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error instanceof LeaseLost ? error : notWritten(path, error);
  }
  // A rename lasts only once its folder is on disk.
  await syncFolder(dirname(path));
}

/**
 * Gives a file a second name, at once and whole, in the place of what bore that name; the content stays when the first name
 * gets another one.
 * @throws UserError where that may not be, DiskFullError where there is no room
 */
export async function keepAs(path: string, name: string): Promise<void> {
  const temporary = temporaryName(name);
  try {
    await link(path, temporary).catch(async () => {
      // Some file systems, of memory cards and of networks, have no second names.
      await copyFile(path, temporary);
      await withFile(temporary, 'r+', file => file.sync());
    });
    await rename(temporary, name);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw notWritten(name, error);
  }
}

/** The error of a file that could not be written: whose fault it is decides its kind. */
function notWritten(path: string, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const full = FULL[code];
  if (full !== undefined) return new DiskFullError(`${path} cannot be written: ${full}`, { cause: error });
  const text = `${path} cannot be written: ${message}`;
  return isPathError(error) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
}

/**
 * Removes a file, if it is there.
 * @throws UserError where it may not be
 */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    const text = `${path} cannot be removed: ${(error as Error).message}`;
    throw isPathError(error) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
  }
}

/**
 * What stands at `path`, if anything.
 * @throws UserError where that cannot be told
 */
export async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw new UserError(`${path} cannot be a folder: a part of its path is a file`);
    // A disk that fails is no fault of the path.
    throw new UserError(`${path}: ${message}`, isPathError(error) ? {} : { cause: error });
  }
}

/**
 * Creates the folder that `--out` names, and those above it, so that they outlast a power cut; one that is there is left as it is.
 * @throws UserError where it cannot be created
 */
export async function createFolder(path: string): Promise<void> {
  // Not mkdir's `recursive`, which never returns where a folder takes no entries (Node 20 in /proc).
  if ((await kindOf(path)) === 'folder') return;
  await createFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if ((await kindOf(path)) === 'folder') return;
    throw new UserError(`--out: folder ${path} cannot be created: ${(error as Error).message}`);
  }
  await syncFolder(dirname(path));
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
