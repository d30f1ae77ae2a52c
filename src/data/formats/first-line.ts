import { readPlace, type Place } from '../tree/place.js';
import { unzipped } from '../tree/unzipped.js';

/** More than any header has. */
const MOST_BYTES = 4096;

/** The first line of a file, gzipped or not; empty where it cannot be read, which its reader says better. */
export async function firstLineOf(place: Place): Promise<string> {
  const bytes: number[] = [];
  try {
    for await (const chunk of unzipped(readPlace(place, () => undefined))) {
      bytes.push(...chunk.subarray(0, MOST_BYTES - bytes.length));
      if (bytes.length >= MOST_BYTES || bytes.includes(0x0a)) break;
    }
  } catch {
    // As above.
  }
  return new TextDecoder().decode(Uint8Array.from(bytes)).split('\n')[0]!.trim();
}
