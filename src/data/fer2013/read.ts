import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { UserError } from '../../util/errors.js';
import type { Split, SplitName } from '../dataset.js';
import { Fer2013Parser } from './parser.js';

/** Larger chunks read no faster, and the collector is late for external memory: this keeps the garbage small. */
const CHUNK_BYTES = 256 * 1024;
const PROGRESS_MILLISECONDS = 100;

/**
 * Reads a FER-2013 CSV file, gzipped or not; its first bytes decide, not its name.
 *
 * @param onProgress called about ten times a second with the fraction of the file that has been read
 * @throws {UserError} with file, line and reason when the file is not what it should be
 */
export async function readFer2013(
  file: string,
  onProgress: (fraction: number) => void,
): Promise<Record<SplitName, Split>> {
  const { size, gzipped } = await inspect(file);
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // `pipe` does not hand errors on, and without a listener they would end the process.
  source.on('error', error => gunzip.destroy(error));
  const bytes: AsyncIterable<Buffer> = gzipped ? source.pipe(gunzip) : source;

  const parser = new Fer2013Parser(file);
  let lastReport = performance.now();
  try {
    for await (const chunk of bytes) {
      parser.push(chunk);
      if (performance.now() - lastReport > PROGRESS_MILLISECONDS) {
        lastReport = performance.now();
        onProgress(Math.min(1, source.bytesRead / size));
      }
    }
  } catch (error) {
    throw isZlibError(error) ? new UserError(describeZlibError(file, parser.line, error)) : error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  return parser.finish();
}

async function inspect(file: string): Promise<{ size: number; gzipped: boolean }> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(new Uint8Array(4), 0, 4, 0);
    if (buffer[0] === 0x50 && buffer[1] === 0x4b && buffer[2] === 3 && buffer[3] === 4) {
      throw new UserError(`${file}: a zip archive; unpack it and give the CSV file inside`);
    }
    return { size, gzipped: buffer[0] === 0x1f && buffer[1] === 0x8b };
  } finally {
    await handle.close();
  }
}

interface ZlibError extends Error {
  code: string;
}

function isZlibError(error: unknown): error is ZlibError {
  return error instanceof Error && 'code' in error && /^Z_/.test(String(error.code));
}

function describeZlibError(file: string, line: number, error: ZlibError): string {
  const reason =
    error.code === 'Z_BUF_ERROR' ? 'the gzip file ends too early' : `the gzip file is damaged (${error.message})`;
  return `${file}, line ${line} of what could be unpacked: ${reason}; download or copy it again`;
}
