import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import envPaths from 'env-paths';
import { removeLeftovers, temporaryName } from './leftovers.js';
import { beginPack, endPack, openPack, writePackImages, type PackFile } from './pack.js';
import type { ImageForm, ImageSink, StoreIndex } from './store.js';

/** When the packs of a folder take more than this, those that were used longest ago are removed. */
const MOST_BYTES = 32 * 1024 ** 3;
const PACK = /\.pack$/;
/** A list of damaged images, also of a pack that was refused for them and so is not there. */
const BAD_LIST = /-[0-9a-f]{8}\.left-out\.csv$/;

/** Where packed data sets are kept: `folder`, else what FACEGRAD_CACHE says, else the user's cache folder. */
export function dataCacheFolder(folder?: string): string {
  const fromEnvironment = process.env['FACEGRAD_CACHE'];
  const root =
    folder ?? (fromEnvironment === undefined || fromEnvironment === '' ? envPaths('facegrad').cache : fromEnvironment);
  return join(root, 'data');
}

/** Which pack belongs to a source: `state` names its files' sizes and times, `form` what decides about the pixels. */
export interface PackName {
  readonly path: string;
  readonly key: string;
  /** Beginning of the file names of all packs of the source, of this state and of earlier ones. */
  readonly source: string;
  /** Beginning of the file names of the packs of this state. */
  readonly current: string;
}

/** The pack's place in `folder`; its name says to whoever looks there what it is. */
export function packName(folder: string, source: string, state: string, form: string): PackName {
  const absolute = resolve(source);
  const name = `${basename(absolute).replace(/[^\w.-]/g, '_')}-${digest(absolute).slice(0, 8)}-`;
  const current = `${name}${digest(state).slice(0, 8)}-`;
  const path = join(folder, `${current}${digest(form).slice(0, 8)}.pack`);
  return { path, key: digest(JSON.stringify([absolute, state, form])), source: name, current };
}

/**
 * The pack, if it is there and sound; it then counts as used now. Whoever looks for one also clears away what killed processes
 * have left: once there is a pack, nobody may write one for a long time.
 */
export async function findPack({ path, key }: PackName): Promise<PackFile | undefined> {
  await removePackLeftovers(dirname(path));
  const pack = await openPack(path, key);
  const now = new Date();
  // Only the order in which packs are removed depends on it.
  if (pack) await utimes(path, now, now).catch(() => undefined);
  return pack;
}

/** A pack being written, under a temporary name until `finish`: whoever finds the pack's own name finds it whole. */
export class PackWriter implements ImageSink {
  readonly #checksums: number[];

  private constructor(
    private readonly name: PackName,
    private readonly form: ImageForm,
    private readonly temporary: string,
    private readonly file: FileHandle,
    slots: number,
  ) {
    this.#checksums = new Array<number>(slots).fill(0);
  }

  /** Folders are made where they are missing. */
  static async create(name: PackName, form: ImageForm, slots: number): Promise<PackWriter> {
    await mkdir(dirname(name.path), { recursive: true });
    const temporary = temporaryName(name.path);
    const writer = new PackWriter(name, form, temporary, await open(temporary, 'wx'), slots);
    try {
      await beginPack(writer.file);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return writer;
  }

  async write(slot: number, images: Uint8Array, checksums: readonly number[]): Promise<void> {
    checksums.forEach((value, i) => {
      this.#checksums[slot + i] = value;
    });
    await writePackImages(this.file, this.form, slot, images);
  }

  /** Syncs the pack, gives it its name, and removes packs that it makes useless or that the folder has no room for. */
  async finish(index: StoreIndex): Promise<void> {
    try {
      await endPack(this.file, this.name.key, index, this.#checksums);
      await this.file.close();
      await rename(this.temporary, this.name.path);
    } catch (error) {
      await this.abort();
      throw error;
    }
    await removeUseless(this.name);
  }

  /** Where even that fails, the file stays until this process is gone and somebody looks into the cache. */
  async abort(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await rm(this.temporary, { force: true }).catch(() => undefined);
  }
}

export interface CachedPack {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

/** The packs in `folder`, the one used last first. */
export async function listPacks(folder: string): Promise<CachedPack[]> {
  const packs = await filesOf(folder, PACK);
  return packs.sort((a, b) => b.used - a.used);
}

/** Removes all packs, their lists of damaged images and leftovers; gives what the packs took. */
export async function clearPacks(folder: string): Promise<{ packs: number; bytes: number }> {
  const packs = await listPacks(folder);
  for (const { path } of [...packs, ...(await filesOf(folder, BAD_LIST))]) await removePack(path);
  await removePackLeftovers(folder);
  return { packs: packs.length, bytes: packs.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Removes a damaged pack, so that it is made anew.
 *
 * @returns why it could not be
 */
export async function removeDamaged(path: string): Promise<Error | undefined> {
  try {
    await rm(path, { force: true });
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    return new Error(`${path} is damaged and cannot be removed: ${message}`, { cause: error });
  }
}

/** The file beside a pack that lists the images that were left out. */
export function badListOf(pack: string): string {
  return pack.replace(PACK, '.left-out.csv');
}

async function removePack(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(badListOf(path), { force: true });
}

async function removePackLeftovers(folder: string): Promise<void> {
  await removeLeftovers(folder, name => PACK.test(name));
}

/** Packs of earlier states of the source, and the oldest ones beyond MOST_BYTES; the new pack stays in any case. */
async function removeUseless({ path: newest, source, current }: PackName): Promise<void> {
  const packs = await listPacks(dirname(newest));
  let total = 0;
  for (const { path, bytes } of packs) {
    if (path === newest) continue;
    const name = basename(path);
    const stale = name.startsWith(source) && !name.startsWith(current);
    total += bytes;
    if (stale || total > MOST_BYTES) await removePack(path).catch(() => undefined);
  }
}

async function filesOf(folder: string, pattern: RegExp): Promise<CachedPack[]> {
  const names = await readdir(folder).catch(() => []);
  const found: CachedPack[] = [];
  for (const name of names.filter(name => pattern.test(name))) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) found.push({ path, bytes: info.size, used: info.mtimeMs });
  }
  return found;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
