import { writeFile } from 'node:fs/promises';
import { UserError } from '../../util/errors.js';
import { badListOf, dataCacheFolder, findPack, packName, PackWriter, type PackName } from '../cache.js';
import { csvLine } from '../csv-line.js';
import { chooseForm } from '../decode/form.js';
import { decodeImages } from '../decode/pool.js';
import type { ImageFiles } from '../formats/format.js';
import type { LoadOptions } from '../options.js';
import {
  MemoryStore,
  type BadImage,
  type ImageForm,
  type ImageSink,
  type ImageStore,
  type StoreIndex,
} from '../store.js';
import type { Source } from '../tree/open.js';
import { byName, isMissing, stateOf } from '../tree/tree.js';
import { notCached, type Images } from './images.js';

/** Goes up when decoding turns the same files into other bytes, so that old packs are left alone. */
const FORMAT = 'images 2';
/** Per cent of the images that may be damaged, where nobody says. */
const MOST_BAD = 1;
/** Damaged images that a message names. */
const NAMED = 5;

/**
 * The images of files, from the cache if they are there, else decoded into it. Images that cannot be decoded are left out,
 * with a warning, and listed beside the pack.
 *
 * @param without why the cache is left alone
 * @throws {UserError} when more than `maxBad` per cent of them cannot be decoded
 */
export async function imagesOfFiles(
  source: Source,
  { files }: ImageFiles,
  options: LoadOptions,
  without?: Error,
): Promise<Images> {
  // A list may name a file twice; it is decoded once. In one order, so that a list and the folders share a pack.
  const unique = [...new Map(files.map(file => [file.name, file])).values()].sort(byName);
  const slotOf = new Map(unique.map(({ name }, slot) => [name, slot]));
  const slots = files.map(({ name }) => slotOf.get(name)!);
  const names = unique.map(({ name }) => name);
  const present = unique.filter(file => !isMissing(file)).map(({ name }) => name);
  const decoding = await chooseForm(source.tree, present, {
    size: options.imageSize ?? options.inputSize,
    channels: options.channels,
    equalize: options.equalize,
  });
  const { size, channels, equalize } = decoding;
  const form: ImageForm = { channels, height: size, width: size };
  const state = `${source.state ?? ''} ${stateOf(unique)}`;
  const folder = dataCacheFolder(options.cacheFolder);
  const kind = `${FORMAT} ${size}x${size}x${channels}${equalize ? ' equalized' : ''}`;
  const name = packName(folder, source.path, state, kind);

  const cached = without ? undefined : await findPack(name);
  if (cached) {
    const store = await judged(cached, name, options);
    return { store, slots, outcome: ' from the cache' };
  }
  const total = present.length;
  const tell = (done: number) => options.onProgress?.(done / total, 'packing images', { done, total });
  const missing = unique.flatMap((file, slot) => (isMissing(file) ? [{ slot, reason: 'there is no such file' }] : []));
  let isWarned = false;
  // Images that are decoded twice are warned of once.
  const onWarning = (text: string) => {
    if (!isWarned) options.onWarning?.(text);
    isWarned = true;
  };
  const fill = async (target: Target): Promise<ImageStore> => {
    try {
      if (total > 0) tell(0);
      const inputs = present.map(name => ({ name, slot: slotOf.get(name)! }));
      const undecodable = await decodeImages(source.tree, inputs, target.sink, { ...decoding, onProgress: tell });
      const bad = [...missing, ...undecodable].sort((a, b) => a.slot - b.slot);
      const index = { ...form, names, bad };
      await judged(index, name, { ...options, onWarning });
      return await target.finish(index);
    } catch (error) {
      await target.abort();
      throw error;
    }
  };
  try {
    if (without) throw new NotPacked(without);
    return { store: await fill(await packTarget(name, form, unique.length)), slots, outcome: '' };
  } catch (error) {
    if (!(error instanceof NotPacked)) throw error;
    const outcome = notCached(error.cause, options);
    // Also where the disk became full in the midst of it: what was packed by then is gone.
    return { store: await fill(memoryTarget(form, names)), slots, outcome };
  }
}

/** A pack could not be written, or not be read once it was; the cause says why. */
class NotPacked extends Error {
  constructor(cause: unknown) {
    super('no pack could be written', { cause });
  }
}

/** Where decoded images go. */
interface Target {
  readonly sink: ImageSink;
  finish(index: StoreIndex): Promise<ImageStore>;
  abort(): Promise<void>;
}

/** @throws {NotPacked} as do the target's methods */
async function packTarget(name: PackName, form: ImageForm, slots: number): Promise<Target> {
  const packing = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw new NotPacked(error);
    }
  };
  const writer = await packing(PackWriter.create(name, form, slots));
  return {
    sink: { write: (slot, images, checksums) => packing(writer.write(slot, images, checksums)) },
    finish: async index => {
      await packing(writer.finish(index));
      const pack = await findPack(name);
      if (!pack) throw new NotPacked(new Error(`${name.path}: the pack that was just written cannot be read`));
      return pack;
    },
    abort: () => writer.abort(),
  };
}

function memoryTarget(form: ImageForm, names: readonly string[]): Target {
  const memory = new MemoryStore(form, names);
  return {
    sink: memory,
    finish: ({ bad }) => Promise.resolve(new MemoryStore(form, names, memory.images, bad)),
    abort: () => Promise.resolve(),
  };
}

/** The store, after its damaged images have been listed and warned of. */
async function judged<T extends Pick<StoreIndex, 'names' | 'bad'>>(
  store: T,
  name: PackName,
  { maxBad = MOST_BAD, onWarning }: LoadOptions,
): Promise<T> {
  const { bad, names } = store;
  if (bad.length === 0) return store;
  const listed = await writeList(badListOf(name.path), bad, names);
  const share = (100 * bad.length) / names.length;
  const some = bad.slice(0, NAMED).map(({ slot, reason }) => `  ${names[slot]!}: ${reason}`);
  const more = bad.length > NAMED ? [`  … and ${bad.length - NAMED} more`] : [];
  const count = `${bad.length.toLocaleString('en')} of ${names.length.toLocaleString('en')} images`;
  const lines = [...some, ...more].join('\n');
  if (share > maxBad) {
    throw new UserError(
      `${count} (${share.toFixed(1)} %) cannot be used, more than --max-bad ${maxBad} %${listed}:\n${lines}`,
    );
  }
  onWarning?.(`${count} cannot be used and are left out${listed}:\n${lines}`);
  return store;
}

/** Gives where the list is, for a message; nothing where it cannot be written. */
async function writeList(path: string, bad: readonly BadImage[], names: readonly string[]): Promise<string> {
  const lines = bad.map(({ slot, reason }) => csvLine([names[slot]!, reason]));
  try {
    await writeFile(path, [csvLine(['image', 'reason']), ...lines].join(''));
    return `; ${path} lists them`;
  } catch {
    return '';
  }
}
