/** Writes zip archives, damaged ones as well (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). */
import { deflateRawSync } from 'node:zlib';
import crc32 from 'crc-32';
import { concat } from './write-pickle.js';

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  /** Compressed, which torch.save never does. */
  readonly deflate?: boolean;
  /** What the archive says instead of the truth. */
  readonly crc?: number;
  readonly size?: number;
  readonly flags?: number;
}

export function zip(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, deflate = false, crc = crc32.buf(data) >>> 0, size = data.length, flags = 0 } of entries) {
    const stored = deflate ? new Uint8Array(deflateRawSync(data)) : data;
    const title = new TextEncoder().encode(name);
    const method = deflate ? 8 : 0;
    // Version, flags, method, time, date, checksum, both sizes, lengths of the name and of the extra field.
    // prettier-ignore
    const common = [
      [2, 20], [2, flags], [2, method], [2, 0], [2, 33], [4, crc], [4, stored.length], [4, size], [2, title.length], [2, 0],
    ] as const;
    const header = concat([numbers([4, 0x04034b50], ...common), title]);
    directory.push(
      concat([numbers([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), title]),
    );
    files.push(header, stored);
    at += header.length + stored.length;
  }
  const index = concat(directory);
  const count = entries.length;
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, index.length], [4, at], [2, 0]);
  return concat([...files, index, end]);
}

/** Little-endian numbers of so many bytes each. */
function numbers(...fields: readonly (readonly [bytes: number, value: number])[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 255)),
  );
}

/** The archive of torch.save: `pickle`, and the bytes of storages by key. */
export function torchFile(
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array<ArrayBuffer> {
  return zip(torchEntries(pickle, storages));
}

export function torchEntries(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): ZipEntry[] {
  return [
    { name: 'archive/data.pkl', data: pickle },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data })),
    { name: 'archive/version', data: new TextEncoder().encode('3\n') },
  ];
}
