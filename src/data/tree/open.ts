import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../util/errors.js';
import { FolderTree } from './folder.js';
import { isGzip } from './tar-stream.js';
import { TarTree } from './tar.js';
import type { FileTree } from './tree.js';
import { ZipTree } from './zip.js';

/** What a user's path leads to. */
export interface Source {
  /** As the user gave it. */
  readonly path: string;
  readonly tree: FileTree;
  /** The name in `tree` of the file that the path itself names; absent for folders and archives. */
  readonly file?: string;
  /** Changes when the source does, where that is known without looking at each file: an archive's size and time. */
  readonly state?: string;
}

const TAR_BLOCK = 512;

/**
 * Opens a folder, an archive (found by its content, not its name) or a single file.
 *
 * @param expected what may stand there, for messages
 * @throws {UserError} when there is nothing, or nothing that can be read
 */
export async function openSource(
  path: string,
  expected: string,
  onProgress?: (fraction: number) => void,
): Promise<Source> {
  const info = await statOrFail(path, expected);
  if (info.isDirectory()) return { path, tree: await FolderTree.scan(path) };
  const state = `${info.size} ${info.mtimeMs}`;
  const head = await headOf(path);
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04') return { path, tree: await ZipTree.open(path), state };
  if (await isTar(path, head)) return { path, tree: await TarTree.open(path, onProgress), state };
  return { path, tree: await FolderTree.of(path), file: basename(path) };
}

async function statOrFail(path: string, expected: string) {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return info;
    if (!info.isFile()) throw new UserError(`${path}: not a regular file; facegrad reads ${expected}`);
    if (info.size === 0) throw new UserError(`${path}: the file is empty; facegrad reads ${expected}`);
    await (await open(path)).close();
    return info;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UserError(`${path}: no such file or folder; facegrad reads ${expected}`);
    }
    throw new UserError(`${path}: cannot be opened (${String(code)})`);
  }
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAR_BLOCK), 0, TAR_BLOCK, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Whether a file is a tar archive, or a gzip file of one. */
async function isTar(path: string, head: Buffer): Promise<boolean> {
  const block = (await isGzip(path)) ? await firstUnzipped(path) : head;
  return block.toString('latin1', 257, 262) === 'ustar';
}

/** The first bytes of what a gzip file holds; none where it is damaged, which its reader says better. */
async function firstUnzipped(path: string): Promise<Buffer> {
  const source = createReadStream(path, { end: 64 * 1024 });
  const gunzip = source.pipe(createGunzip());
  let block = Buffer.alloc(0);
  try {
    for await (const chunk of gunzip) {
      block = Buffer.concat([block, chunk as Buffer]);
      if (block.length >= TAR_BLOCK) break;
    }
  } catch {
    // As above; a file that was cut after 64 KiB on purpose ends too early as well.
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  return block;
}
