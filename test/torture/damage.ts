import { readFile, writeFile } from 'node:fs/promises';
import type { RandomStream } from '../../src/util/random.js';

/** Bytes in which a file's kind and the length of its header stand. */
const HEAD = 9;

/**
 * What happens to files on bad disks, in bad memory, and in copies that were cut off. The last four take away what tells a
 * file's kind, which places that are drawn hardly ever hit.
 */
const damages = ['bits', 'end', 'zeros', 'noise', 'empty', 'all zeros', 'end of head', 'byte 8'] as const;

/** Damages a file somewhere, in one of several ways, and says how. */
export async function damage(path: string, random: RandomStream): Promise<string> {
  const bytes = await readFile(path);
  const before = Buffer.from(bytes);
  const at = random.integer(bytes.length);
  const length = 1 + random.integer(Math.min(4096, bytes.length - at));
  const kind = damages[random.integer(2 * damages.length)] ?? 'bits';
  if (kind === 'bits') for (let i = 1 + random.integer(3); i > 0; i--) flip(bytes, random.integer(8 * bytes.length));
  if (kind === 'zeros') bytes.fill(0, at, at + length);
  if (kind === 'noise') for (let i = at; i < at + length; i++) bytes[i] = random.integer(256);
  if (kind === 'all zeros') bytes.fill(0);
  if (kind === 'byte 8') flip(bytes, 8 * Math.min(HEAD - 1, bytes.length - 1) + random.integer(8));
  const end = kind === 'end' ? at : kind === 'empty' ? 0 : kind === 'end of head' ? at % HEAD : bytes.length;
  // What was zero before, or the same bit twice, is no damage.
  if (end === bytes.length && bytes.equals(before)) flip(bytes, 8 * at);
  await writeFile(path, bytes.subarray(0, end));
  return `${kind} at ${at} of ${bytes.length} bytes`;
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
}
