import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
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
