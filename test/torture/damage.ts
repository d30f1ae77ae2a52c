import { readFile, writeFile } from 'node:fs/promises';
import type { RandomStream } from '../../src/util/random.js';

/** What happens to files on bad disks, in bad memory, and in copies that were cut off. */
const damages = ['bits', 'end', 'zeros', 'noise'] as const;

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
  // What was zero before, or the same bit twice, is no damage.
  if (kind !== 'end' && bytes.equals(before)) flip(bytes, 8 * at);
  await writeFile(path, kind === 'end' ? bytes.subarray(0, at) : bytes);
  return `${kind} at ${at} of ${bytes.length} bytes`;
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
}
