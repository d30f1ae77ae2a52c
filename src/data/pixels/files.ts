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
import { byName, isMissing, stateOf, type TreeFile } from '../tree/tree.js';
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
 * @throws {UserError} when more than `maxBad` per cent of them cannot be decoded
 */
export async function imagesOfFiles(source: Source, { files }: ImageFiles, options: LoadOptions): Promise<Images> {
  // A list may name a file twice; it is decoded once. In one order, so that a list and the folders share a pack.
  const unique = [...new Map(files.map(file => [file.name, file])).values()].sort(byName);
  const slotOf = new Map(unique.map(({ name }, slot) => [name, slot]));
  const slots = files.map(({ name }) => slotOf.get(name)!);
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

  const cached = await findPack(name);
  if (cached) {
    const store = await judged(cached, name, options);
    return { store, slots, outcome: ' from the cache', pack: name.path };
  }
  const target = await openSink(name, form, unique);
  const total = present.length;
  const tell = (done: number) => options.onProgress?.(done / total, 'packing images', { done, total });
  try {
    if (total > 0) tell(0);
    const missing = unique.flatMap((file, slot) =>
      isMissing(file) ? [{ slot, reason: 'there is no such file' }] : [],
    );
    const undecodable = await decodeImages(
      source.tree,
      present.map(name => ({ name, slot: slotOf.get(name)! })),
      target.sink,
      {
        ...decoding,
        onProgress: tell,
      },
    );
    const bad = [...missing, ...undecodable].sort((a, b) => a.slot - b.slot);
    const index = { ...form, names: unique.map(({ name }) => name), bad };
    await judged(index, name, options);
    const store = await target.finish(index);
    return { store, slots, outcome: target.outcome, ...(target.outcome === '' ? { pack: name.path } : {}) };
  } catch (error) {
    await target.abort();
    throw error;
  }
}

interface OpenSink {
  readonly sink: ImageSink;
  /** See `Images`. */
  readonly outcome: string;
  finish(index: StoreIndex): Promise<ImageStore>;
  abort(): Promise<void>;
}

/** The pack to be written; memory, where none can be. */
async function openSink(name: PackName, form: ImageForm, files: readonly TreeFile[]): Promise<OpenSink> {
  try {
    const writer = await PackWriter.create(name, form, files.length);
    return {
      sink: writer,
      outcome: '',
      finish: async index => {
        await writer.finish(index);
        const pack = await findPack(name);
        if (!pack) throw new Error(`${name.path}: the pack that was just written cannot be read`);
        return pack;
      },
      abort: () => writer.abort(),
    };
  } catch (error) {
    const names = files.map(file => file.name);
    const memory = new MemoryStore(form, names);
    return {
      sink: memory,
      outcome: notCached(error),
      finish: ({ bad }) => Promise.resolve(new MemoryStore(form, names, memory.images, bad)),
      abort: () => Promise.resolve(),
    };
  }
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
