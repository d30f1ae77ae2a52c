import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../util/errors.js';

/** Codes of the system that mean that the path itself is no good; others, such as a full disk, are the machine's. */
const badPath = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ENOTEMPTY']);

/** The name under which `path` is written until it is whole; one for each process, so that two never share a file. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

/** Whether `name` is what a killed process may have left behind while it wrote `file`. */
export function isTemporaryNameOf(name: string, file: string): boolean {
  return name.startsWith(`.${file}.`) && /^\d+\.tmp$/.test(name.slice(file.length + 2));
}

/**
 * Writes a file so that whoever looks, even after a power cut, finds the old content or the new, never a part: a
 * temporary file in the same folder is written and synced, then renamed, then the folder is synced.
 * @throws UserError where there is no such folder or it may not be written
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await withFile(temporary, 'w', async file => {
      await file.writeFile(content);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    const { code = '', message } = error as NodeJS.ErrnoException;
    const text = `${path} cannot be written: ${message}`;
    throw badPath.has(code) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
  }
  // A rename lasts only once its folder is on disk. Windows neither needs nor allows a folder to be opened for that.
  if (process.platform !== 'win32') await withFile(dirname(path), 'r', folder => folder.sync());
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
