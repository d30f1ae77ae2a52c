import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { UserError } from '../../util/errors.js';
import { dataCacheFolder, findPack, packName, PackWriter, type PackName } from '../cache.js';
import { FER2013_SIZE } from '../fer2013/layout.js';
import { readFer2013InWorker } from '../fer2013/load.js';
import type { PixelCsv } from '../formats/format.js';
import type { LoadOptions } from '../options.js';
import { imageBytesOf, storeOf, type MemoryStore } from '../store.js';
import type { Source } from '../tree/open.js';
import { readPlace } from '../tree/place.js';
import { stateOf } from '../tree/tree.js';
import { notCached, type Images } from './images.js';

/** Goes up when the reader turns the same file into other bytes, so that old packs are left alone. */
const FORMAT = 'fer2013-csv 2';

/**
 * The images of a FER-2013 CSV file, from the cache if they are there, else read and put there.
 *
 * @param without why the cache is left alone
 */
export async function imagesOfCsv(
  source: Source,
  csv: PixelCsv,
  options: LoadOptions,
  without?: Error,
): Promise<Images> {
  const state = await stateNow(source, csv);
  const { cacheFolder, equalize = false } = options;
  const name = packName(dataCacheFolder(cacheFolder), source.path, state, `${FORMAT}${equalize ? ' equalized' : ''}`);
  const pack = without ? undefined : await findPack(name);
  if (pack) return { store: pack, outcome: ' from the cache' };

  const splits = await readFer2013InWorker(csv.place, equalize, (fraction, done) => {
    // How many images the file has is known at its end.
    options.onProgress?.(fraction, `reading ${source.path}`, { done });
  });
  if ((await stateNow(source, csv)) !== state) {
    throw new UserError(`${source.path}: the file changed while it was read; run the command again`);
  }
  const form = { channels: 1, height: FER2013_SIZE, width: FER2013_SIZE };
  const store = storeOf({ ...form, splits });
  return { store, outcome: without ? notCached(without, options) : await keep(name, store, options) };
}

/** The file's size and time, and a hash of its beginning: not every tool that edits a file moves its time. */
async function stateNow(source: Source, { place, file }: PixelCsv): Promise<string> {
  const now = (await source.tree.find(file.name)) ?? file;
  const hash = createHash('sha256');
  for await (const chunk of readPlace(place, () => undefined)) {
    hash.update(chunk);
    break;
  }
  return `${source.state ?? ''} ${stateOf([now])} ${hash.digest('hex')}`;
}

/** Puts a store into the cache; gives what is to be said of it. */
async function keep(name: PackName, store: MemoryStore, options: LoadOptions): Promise<string> {
  const bytes = imageBytesOf(store);
  const checksums = store.names.map((_, i) => crc32(store.images.subarray(i * bytes, (i + 1) * bytes)));
  try {
    const writer = await PackWriter.create(name, store, store.names.length);
    try {
      await writer.write(0, store.images, checksums);
      await writer.finish(store);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return '';
  } catch (error) {
    return notCached(error, options);
  }
}
