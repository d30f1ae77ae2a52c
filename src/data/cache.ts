import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import envPaths from 'env-paths';

const HEAD_BYTES = 64 * 1024;

/** Where packed data sets are kept: `folder`, else what FACEGRAD_CACHE says, else the user's cache folder. */
export function dataCacheFolder(folder?: string): string {
  const fromEnvironment = process.env['FACEGRAD_CACHE'];
  const root =
    folder ?? (fromEnvironment === undefined || fromEnvironment === '' ? envPaths('facegrad').cache : fromEnvironment);
  return join(root, 'data');
}

/**
 * Identifies the contents of `file` without reading all of it: its size, the time of its last change, and a hash of its
 * first 64 KiB. `format` names the reader, so that two readers of one file do not share a cache.
 */
export async function sourceKey(file: string, format: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size, mtimeMs } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    return createHash('sha256').update(`${format} ${size} ${mtimeMs}\n`).update(head).digest('hex');
  } finally {
    await handle.close();
  }
}

/** The path of the pack for `file`; the name says to whoever looks into the folder what it is. */
export function packPath(folder: string, file: string, key: string): string {
  return join(folder, `${basename(file).replace(/[^\w.-]/g, '_')}-${key.slice(0, 16)}.pack`);
}
