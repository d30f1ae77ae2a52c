import { access, constants } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { kindOf } from '../train/files.js';
import { UserError } from '../util/errors.js';

/**
 * Whether a file can be written at `path`: asked before the minutes of work whose result is to go there.
 * @throws UserError where there is no such folder, or it takes no files
 */
export async function requireFolder(path: string): Promise<void> {
  await access(dirname(resolve(path)), constants.W_OK).catch((error: unknown) => {
    throw new UserError(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/**
 * Whether a folder stands at `path` that takes files, or can be made: asked before the minutes of work whose results go there.
 * @throws UserError where that is not so
 */
export async function requireOutFolder(path: string): Promise<void> {
  let folder = resolve(path);
  let kind = await kindOf(folder);
  while (kind === undefined) {
    folder = dirname(folder);
    kind = await kindOf(folder);
  }
  if (kind === 'file') throw new UserError(`--out: ${path} cannot be a folder: ${folder} is a file`);
  await requireFolder(join(folder, basename(path)));
}
