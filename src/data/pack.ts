import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SPLIT_NAMES, type DataSet, type Split, type SplitName } from './dataset.js';
import { fingerprintOf } from './fingerprint.js';

/**
 * The cached form of a data set, all numbers little-endian:
 *
 *     bytes 0..7    "facegrad"
 *     bytes 8..11   version
 *     bytes 12..15  length of the header
 *     bytes 16..47  SHA-256 of the header
 *     header        JSON: PackHeader
 *     labels of train, val, test; images of train, val, test
 *
 * The header's fingerprint is that of the data set and covers every byte behind the header.
 */
const MAGIC = 'facegrad';
const VERSION = 1;
const PREFIX_BYTES = 48;

interface PackHeader {
  /** Identifies the source file that was packed. */
  key: string;
  name: string;
  classes: string[];
  channels: number;
  height: number;
  width: number;
  counts: Record<SplitName, number>;
  fingerprint: string;
}

/**
 * Writes a pack under a temporary name, syncs it and renames it: whoever finds `path` finds a whole pack. Folders are
 * made where they are missing.
 */
export async function writePack(path: string, key: string, data: DataSet): Promise<void> {
  const { name, classes, channels, height, width, splits, fingerprint } = data;
  const counts = { train: splits.train.count, val: splits.val.count, test: splits.test.count };
  const header: PackHeader = { key, name, classes: [...classes], channels, height, width, counts, fingerprint };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt32LE(VERSION, 8);
  prefix.writeUInt32LE(headerBytes.length, 12);
  prefix.set(sha256(headerBytes), 16);

  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const part of [prefix, headerBytes, ...SPLIT_NAMES.map(split => splits[split].labels)]) {
        await file.writeFile(part);
      }
      for (const split of SPLIT_NAMES) await file.writeFile(splits[split].images);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads a pack. Undefined when there is none at `path`, or none that can be used: another key, another version, cut
 * short, or a byte that is not what was written.
 */
export async function readPack(path: string, key: string): Promise<DataSet | undefined> {
  const bytes = await readWhole(path);
  if (bytes === undefined || bytes.length < PREFIX_BYTES) return undefined;
  if (bytes.toString('latin1', 0, 8) !== MAGIC || bytes.readUInt32LE(8) !== VERSION) return undefined;
  const bodyStart = PREFIX_BYTES + bytes.readUInt32LE(12);
  const headerBytes = bytes.subarray(PREFIX_BYTES, bodyStart);
  if (!sha256(headerBytes).equals(bytes.subarray(16, PREFIX_BYTES))) return undefined;
  const header = JSON.parse(headerBytes.toString()) as PackHeader;
  if (header.key !== key) return undefined;

  const { name, classes, channels, height, width, counts, fingerprint } = header;
  const imageBytes = channels * height * width;
  const total = counts.train + counts.val + counts.test;
  if (bytes.length !== bodyStart + total * (1 + imageBytes)) return undefined;

  let labelsAt = bodyStart;
  let imagesAt = bodyStart + total;
  const take = (count: number): Split => {
    // Plain arrays: a Buffer's `slice` is not a Uint8Array's.
    const labels = new Uint8Array(bytes.buffer, bytes.byteOffset + labelsAt, count);
    const images = new Uint8Array(bytes.buffer, bytes.byteOffset + imagesAt, count * imageBytes);
    labelsAt += labels.length;
    imagesAt += images.length;
    return { count, labels, images };
  };
  const splits = { train: take(counts.train), val: take(counts.val), test: take(counts.test) };
  const content = { classes, channels, height, width, splits };
  return fingerprintOf(content) === fingerprint ? { name, ...content, fingerprint } : undefined;
}

async function readWhole(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path);
    try {
      // One read into one allocation: `readFile` reads in pieces of half a megabyte, which takes twice as long.
      const { size } = await file.stat();
      const bytes = Buffer.allocUnsafeSlow(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    // A cache that cannot be read, for whatever reason, is a cache that is not there.
    return undefined;
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
