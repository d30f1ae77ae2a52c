import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { glob, isDynamicPattern } from 'tinyglobby';
import { UnusableImage } from '../../data/decode/image.js';
import { openSource, type Source } from '../../data/tree/open.js';
import { imagesOf } from '../../data/tree/tree.js';
import { UserError } from '../../util/errors.js';

/** An image that is asked about, not read yet. */
export interface InputImage {
  /** As results call it: the path that was given; in a folder or an archive that path, `/`, and the image's name in it. */
  readonly file: string;
  /** @throws {UnusableImage} where it cannot be read */
  readonly read: () => Promise<Uint8Array>;
}

/** All images that were asked about. */
export interface Inputs {
  readonly count: number;
  /** In order: that of the arguments; in folders and zip archives by name, in tar archives as they lie there. */
  images(): AsyncGenerator<InputImage>;
  close(): Promise<void>;
}

interface Part {
  readonly count: number;
  images(): AsyncIterable<InputImage> | Iterable<InputImage>;
  close?(): Promise<void>;
}

const EXPECTED = 'images, folders, patterns such as "faces/*.jpg", zip and tar archives';

/**
 * Finds the images that paths mean: image files, folders, archives, patterns, and `-` for one image from `stdin`. Of images only
 * names are held.
 *
 * @throws {UserError} where a path leads nowhere, or to no image
 */
export async function openInputs(
  paths: readonly string[],
  { stdin, onProgress }: { stdin?: NodeJS.ReadableStream; onProgress?: (fraction: number, text: string) => void } = {},
): Promise<Inputs> {
  const parts: Part[] = [];
  const close = async () => {
    for (const part of parts) await part.close?.();
  };
  try {
    for (const path of paths) {
      if (path === '-' && stdin) parts.push(single('-', () => buffer(stdin)));
      else {
        for (const file of await expanded(path)) {
          parts.push(await partOf(file, fraction => onProgress?.(fraction, `looking through ${file}`)));
        }
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    count: parts.reduce((total, part) => total + part.count, 0),
    async *images() {
      for (const part of parts) yield* part.images();
    },
    close,
  };
}

/** What a path means: itself, or what matches it where there is nothing of that name. */
async function expanded(path: string): Promise<string[]> {
  const there = await stat(path).catch(() => undefined);
  if (there) return [path];
  if (!isDynamicPattern(path)) throw new UserError(`${path}: no such file or folder; give ${EXPECTED}`);
  const found = await glob(path, { absolute: isAbsolute(path), expandDirectories: false });
  if (found.length === 0) throw new UserError(`${path}: no file matches this pattern`);
  return found.sort();
}

async function partOf(path: string, onProgress: (fraction: number) => void): Promise<Part> {
  const info = await stat(path);
  // A file that cannot be opened is one image that cannot be read: the others are still classified.
  if (info.isFile() && info.size === 0) return single(path, () => Promise.resolve(new Uint8Array(0)));
  let source: Source;
  try {
    source = await openSource(path, EXPECTED, onProgress);
  } catch (error) {
    if (!info.isFile() || !(error instanceof UserError)) throw error;
    const reason = error.message.startsWith(`${path}: `) ? error.message.slice(path.length + 2) : error.message;
    return single(path, () => Promise.reject(new UnusableImage(reason)));
  }
  if (source.file !== undefined) return single(path, () => readImage(path));
  const { tree } = source;
  const names = imagesOf(tree).map(({ name }) => name);
  if (names.length === 0) {
    await tree.close();
    throw new UserError(`${path}: there are no images in it (names that end in .jpg, .png, .webp, .gif, .tif, .avif)`);
  }
  const images =
    names[0] !== undefined && tree.place(names[0]).kind === 'tar'
      ? () => streamed(source, names)
      : () => names.map(name => ({ file: join(path, name), read: () => readFrom(source, name) }));
  return { count: names.length, images, close: () => tree.close() };
}

function single(file: string, read: () => Promise<Uint8Array>): Part {
  return { count: 1, images: () => [{ file, read }] };
}

async function readFrom({ tree }: Source, name: string): Promise<Uint8Array> {
  const path = tree.location(name);
  if (path !== undefined) return readImage(path);
  try {
    for await (const { bytes } of tree.contents([name])) return bytes;
  } catch (error) {
    throw error instanceof UserError ? new UnusableImage(error.message) : error;
  }
  throw new UnusableImage('the archive does not hold it any more');
}

async function readImage(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UnusableImage('there is no such file');
    if (code === 'EACCES') throw new UnusableImage('no permission to read the file');
    throw error;
  }
}

/** A tar archive can only be read from its start to its end. */
async function* streamed({ path, tree }: Source, names: readonly string[]): AsyncGenerator<InputImage> {
  let last: string | undefined;
  try {
    for await (const { name, bytes } of tree.contents(names)) {
      last = name;
      yield { file: join(path, name), read: () => Promise.resolve(bytes) };
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const reason = `it cannot be read beyond ${last ?? 'its start'}: ${error.message}`;
    yield { file: path, read: () => Promise.reject(new UnusableImage(reason)) };
  }
}
