import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { UserError } from '../../util/errors.js';

const CHUNK_BYTES = 256 * 1024;

export interface TarEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly bytes: number;
  readonly modified: number;
  /** What is not read of it is skipped. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/**
 * The files and folders of a tar archive, gzipped or not, in their order. Every name is checked before anything of the entry is read.
 *
 * @throws {UserError} for a name that leads out of the archive, a link, or an archive that is damaged or cut short
 */
export async function* tarEntries(
  path: string,
  onProgress: (fraction: number) => void = () => undefined,
): AsyncGenerator<TarEntry> {
  const { size } = await stat(path);
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const tar = extract();
  // `pipe` does not hand errors on, and without a listener they would end the process.
  source.on('error', error => {
    tar.destroy(error);
  });
  gunzip.on('error', error => {
    tar.destroy(error);
  });
  if (await isGzip(path)) source.pipe(gunzip).pipe(tar);
  else source.pipe(tar);
  try {
    for await (const entry of tar) {
      const name = checkedName(path, entry.header);
      onProgress(Math.min(1, source.bytesRead / size));
      const { type, mtime, size: bytes } = entry.header;
      const isFolder = type === 'directory';
      if (isFolder || type === 'file' || type === 'contiguous-file') {
        yield { name, isFolder, bytes, modified: mtime.getTime(), stream: entry as AsyncIterable<Uint8Array> };
      }
      entry.resume();
    }
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw new UserError(`${path}: the archive is damaged or ends too early (${error.message}); download it again`);
  } finally {
    tar.destroy();
    gunzip.destroy();
    source.destroy();
  }
}

function checkedName(archive: string, { name, type, linkname }: Header): string {
  const fault =
    type === 'symlink' || type === 'link'
      ? `is a link to ${JSON.stringify(linkname)}; links in archives are not followed`
      : faultOfName(name);
  if (fault !== undefined) throw new UserError(`${archive}: the entry ${JSON.stringify(name)} ${fault}`);
  return name.replace(/^(\.\/)+/, '');
}

/** Why an entry of an archive may not be called so; undefined where it may. */
export function faultOfName(name: string): string | undefined {
  if (/^([/\\]|[a-z]:)/i.test(name)) return 'has an absolute path; such an archive is not read';
  if (name.split(/[/\\]/).includes('..')) return 'leads out of the archive; such an archive is not read';
  return undefined;
}

export async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(new Uint8Array(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
