import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { decodeSafeTensors, encodeSafeTensors, type HostTensor, type SafeTensors } from '../interop/safetensors.js';
import { UserError } from '../util/errors.js';
import { isPathError } from '../util/path-errors.js';

/** The metadata's entry that holds the checksum of everything else. */
const CHECKSUM = 'checksum';

/** A file whose content is not what was written. */
export class DamagedFile extends UserError {
  override readonly name = 'DamagedFile';
}

/** The bytes of a safetensors file whose metadata hold a checksum, which other readers of the format see as a text. */
export function encodeTensorFile(file: SafeTensors): Uint8Array<ArrayBuffer> {
  return encodeSafeTensors({ ...file, metadata: { ...file.metadata, [CHECKSUM]: checksumOf(file) } });
}

/**
 * Reads a safetensors file. One without a checksum, from elsewhere or from before there was one, is taken as it is.
 * @throws DamagedFile where it is no safetensors file, is cut off, or its checksum is that of another content
 * @throws UserError where there is no such file
 */
export async function readTensorFile(path: string): Promise<SafeTensors> {
  return decodeTensorFile(await readBytes(path), path);
}

/** What the system says where the disk does not give back what was written; file systems with checksums say it of a flipped bit. */
const UNREADABLE = new Set(['EIO', 'EUCLEAN', 'EBADMSG']);

/**
 * A file's bytes.
 * @throws DamagedFile where the disk does not give them back
 * @throws UserError where there is no such file, or it is none that can be read
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UserError(`${path}: no such file`);
    if (UNREADABLE.has(code ?? '')) throw new DamagedFile(`${path} cannot be read: ${message}`, { cause: error });
    if (code === 'ERR_FS_FILE_TOO_LARGE') throw new UserError(`${path} is larger than 2 GiB, too large to be read`);
    throw isPathError(error) ? new UserError(`${path} cannot be read: ${message}`, { cause: error }) : error;
  }
}

/**
 * The content of a safetensors file from its bytes, as `readTensorFile` reads it; `path` names it in messages.
 * @throws DamagedFile where it is no safetensors file, is cut off, or its checksum is that of another content
 */
export function decodeTensorFile(bytes: Uint8Array, path: string): SafeTensors {
  let file: SafeTensors;
  try {
    file = decodeSafeTensors(bytes);
  } catch (error) {
    if (error instanceof UserError) throw new DamagedFile(`${path}: ${error.message}`);
    throw error;
  }
  const { [CHECKSUM]: checksum, ...metadata } = file.metadata;
  const content = { tensors: file.tensors, metadata };
  if (checksum !== undefined && checksum !== checksumOf(content)) {
    throw new DamagedFile(`${path} is damaged: its checksum is that of another content`);
  }
  return content;
}

/** `sha256:` and the digest of names, types, shapes and bytes of the tensors and of the metadata, each in order of name. */
function checksumOf({ tensors, metadata }: SafeTensors): string {
  const hash = createHash('sha256');
  const entries = [...tensors].sort(byName);
  const shapes = entries.map(([name, { dtype, shape }]) => [name, dtype, shape]);
  hash.update(JSON.stringify([shapes, Object.entries(metadata).sort(byName)]));
  for (const [, { data }] of entries) hash.update(bytesOf(data));
  return `sha256:${hash.digest('hex')}`;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function bytesOf({ buffer, byteOffset, byteLength }: HostTensor['data']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
