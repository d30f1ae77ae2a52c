import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { imageBytesOf, type BadImage, type ImageForm, type ImageStore, type StoreIndex } from './store.js';
import { SPLIT_NAMES, type SplitName } from './dataset.js';

/**
 * The cached form of decoded images, all numbers little-endian:
 *
 *     bytes 0..7    "facegrad"
 *     bytes 8..11   version
 *     bytes 12..15  length of the index
 *     bytes 16..23  where the index begins
 *     bytes 24..55  SHA-256 of the index
 *     images        (slots,H,W,C), from byte 56 on
 *     index         JSON: PackIndex
 *
 * The index comes last, so that images can be written as they are decoded. It holds a checksum of every image, so that a
 * damaged byte is found when its image is read.
 */
const MAGIC = 'facegrad';
const VERSION = 2;
const PREFIX_BYTES = 56;
/** Images that lie side by side are read at once, in pieces of about this many bytes. */
const READ_BYTES = 16 * 1024 * 1024;

interface PackIndex {
  /** Identifies the state of the source and the options that decide about pixels. */
  key: string;
  channels: number;
  height: number;
  width: number;
  names: string[];
  bad: BadImage[];
  labels?: number[];
  /** Places in SPLIT_NAMES. */
  splits?: number[];
  /** CRC-32 of each slot's image. */
  checksums: number[];
}

/** A pack whose bytes are not what was written, or that the disk no longer gives back. */
export class PackDamaged extends Error {
  constructor(
    readonly path: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${reason}`, options);
  }
}

/** Begins a pack; images follow by `writePackImages`, in any order, and `endPack` makes it whole. */
export async function beginPack(file: FileHandle): Promise<void> {
  await writeAll(file, Buffer.alloc(PREFIX_BYTES), 0);
}

/** `images` (count,H,W,C) into the slots from `slot` on. */
export async function writePackImages(file: FileHandle, form: ImageForm, slot: number, images: Uint8Array) {
  await writeAll(file, images, PREFIX_BYTES + slot * imageBytesOf(form));
}

/** Writes the index and then the prefix, without which nothing that was written counts. */
export async function endPack(
  file: FileHandle,
  key: string,
  index: StoreIndex,
  checksums: readonly number[],
): Promise<void> {
  const { channels, height, width, names, bad, labels, splits } = index;
  const content: PackIndex = {
    ...{ key, channels, height, width, names: [...names], bad: [...bad], checksums: [...checksums] },
    ...(labels && labels.length > 0 ? { labels: [...labels] } : {}),
    ...(splits && splits.length > 0 ? { splits: splits.map(name => SPLIT_NAMES.indexOf(name)) } : {}),
  };
  const bytes = Buffer.from(JSON.stringify(content));
  const at = PREFIX_BYTES + names.length * imageBytesOf(index);
  await writeAll(file, bytes, at);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(bytes.length, 12);
  prefix.writeBigUInt64LE(BigInt(at), 16);
  prefix.set(sha256(bytes), 24);
  await writeAll(file, prefix, 0);
  await file.sync();
}

/**
 * Opens a pack. Undefined when there is none at `path`, or none that can be used: another key, another version, cut short,
 * or with a damaged index.
 */
export async function openPack(path: string, key: string): Promise<PackFile | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const index = await readIndex(file);
    if (index?.key === key) return new PackFile(path, file, index);
  } catch {
    // A cache that cannot be read, for whatever reason, is a cache that is not there.
  }
  await file?.close().catch(() => undefined);
  return undefined;
}

async function readIndex(file: FileHandle): Promise<PackIndex | undefined> {
  const { size } = await file.stat();
  const prefix = Buffer.alloc(PREFIX_BYTES);
  await readAll(file, prefix, 0);
  if (prefix.toString('latin1', 0, 8) !== MAGIC || prefix.readUInt32LE(8) !== VERSION) return undefined;
  const at = Number(prefix.readBigUInt64LE(16));
  const length = prefix.readUInt32LE(12);
  if (at + length !== size) return undefined;
  const bytes = Buffer.alloc(length);
  await readAll(file, bytes, at);
  if (!sha256(bytes).equals(prefix.subarray(24))) return undefined;
  return JSON.parse(bytes.toString()) as PackIndex;
}

/** An open pack: the index in memory, images read as they are asked for. */
export class PackFile implements ImageStore {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly names: readonly string[];
  readonly bad: readonly BadImage[];
  readonly labels: readonly number[];
  readonly splits: readonly SplitName[];
  readonly #checksums: readonly number[];

  constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    index: PackIndex,
  ) {
    this.channels = index.channels;
    this.height = index.height;
    this.width = index.width;
    this.names = index.names;
    this.bad = index.bad;
    this.labels = index.labels ?? [];
    this.splits = (index.splits ?? []).map(place => SPLIT_NAMES[place]!);
    this.#checksums = index.checksums;
  }

  /** @throws {PackDamaged} at the first image whose bytes cannot be read, or are not those that were written */
  async read(slots: Uint32Array, out: Uint8Array): Promise<void> {
    const bytes = imageBytesOf(this);
    const most = Math.max(1, Math.floor(READ_BYTES / bytes));
    for (let start = 0; start < slots.length;) {
      let end = start + 1;
      while (end < slots.length && end - start < most && slots[end] === slots[end - 1]! + 1) end++;
      const piece = out.subarray(start * bytes, end * bytes);
      await this.#readAll(piece, PREFIX_BYTES + slots[start]! * bytes);
      for (let i = start; i < end; i++) {
        const found = crc32(out.subarray(i * bytes, (i + 1) * bytes));
        if (found !== this.#checksums[slots[i]!]) throw new PackDamaged(this.path, `image ${slots[i]!} is damaged`);
      }
      start = end;
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  /** Whatever the disk says (EIO, EUCLEAN, EBADMSG, …): the images can be had from their source. */
  async #readAll(into: Uint8Array, position: number): Promise<void> {
    try {
      await readAll(this.file, into, position);
    } catch (error) {
      throw new PackDamaged(this.path, (error as Error).message, { cause: error });
    }
  }
}

/** Reads until `into` is full. */
async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error('the pack ends too early');
    done += bytesRead;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
