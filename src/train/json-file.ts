import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { printable } from '../interop/printable.js';
import { UserError } from '../util/errors.js';
import { isPathError } from '../util/path-errors.js';

/**
 * The content of a JSON file that facegrad has written, or undefined where there is none.
 * @throws UserError where it cannot be read or is not what `schema` says, with each field
 */
export async function readJsonFile<T>(schema: z.ZodType<T>, file: string): Promise<T | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : parseJson(schema, text, file);
}

function parseJson<T>(schema: z.ZodType<T>, text: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file} is not JSON: ${printable((error as Error).message)}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(issue => `  ${issue.path.join('.') || '(the whole file)'}: ${issue.message}`);
  throw new UserError(`${file} is not what facegrad writes:\n${faults.join('\n')}`);
}

/**
 * The text of a file, or undefined where there is none.
 * @throws UserError where it cannot be read
 */
export async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // A disk that fails is no fault of the file.
    throw new UserError(`${file} cannot be read: ${message}`, isPathError(error) ? {} : { cause: error });
  }
}
