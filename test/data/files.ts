import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { pack } from 'tar-stream';
import { buffer } from 'node:stream/consumers';

/** Files by their names below some folder or archive. */
export type Files = Record<string, string | Uint8Array>;

/** A PNG file of one colour. */
export async function plain(value: number | [number, number, number], size = 8): Promise<Buffer> {
  const channels = typeof value === 'number' ? 1 : 3;
  const pixel = typeof value === 'number' ? [value] : value;
  const data = Buffer.from(Array.from({ length: size * size }, () => pixel).flat());
  const image = sharp(data, { raw: { width: size, height: size, channels } });
  return (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
}

/** One grey PNG file for each of `names`; the i-th has the value `first + i`. */
export async function greys(names: readonly string[], first = 0): Promise<Files> {
  const files: Files = {};
  for (const [i, name] of names.entries()) files[name] = await plain((first + i) % 256);
  return files;
}

export async function writeFiles(folder: string, files: Files): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

export async function tarOf(files: Files, links: Record<string, string> = {}): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, Buffer.from(content));
  for (const [name, linkname] of Object.entries(links)) archive.entry({ name, type: 'symlink', linkname });
  archive.finalize();
  return buffer(archive);
}

interface ZipOptions {
  /** Unix mode of every entry. */
  mode?: number;
  /** General purpose bits; bit 0 says that an entry is encrypted. */
  flags?: number;
}

/** A zip archive that stores its files as they are (APPNOTE.TXT 4.3). */
export function zipOf(files: Files, { mode = 0o100644, flags = 0 }: ZipOptions = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    // What encrypts an entry puts 12 bytes before it.
    const bytes = Buffer.concat([Buffer.alloc(flags & 1 ? 12 : 0), Buffer.from(content)]);
    const nameBytes = Buffer.from(name);
    // Version 2.0, flags, stored, time and date, checksum, sizes, length of the name, no extra fields.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(0x21, 8);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(bytes.length, 14);
    shared.writeUInt32LE(Buffer.byteLength(content), 18);
    shared.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), shared, nameBytes, bytes]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), shared, tail, nameBytes]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
