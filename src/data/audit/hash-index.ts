import { bitCount, hashDistance } from './hash.js';

const CHUNKS = 4;
const CHUNK_BITS = 16;
const MOST_TURNED = 2;

/** The largest distance at which `closePairs` finds every pair. */
export const MOST_DISTANCE = CHUNKS * (MOST_TURNED + 1) - 1;

/**
 * Calls `found` once for each pair i < j of hashes that differ in at most `distance` bits. Multi-index hashing
 * (Norouzi, Punjani and Fleet, CVPR 2012): of four chunks of 16 bits, two hashes that differ in no more than 4 r + 3
 * bits have at least one in which they differ in no more than r, so that it is enough to look under the values that
 * differ so from each chunk: 1, 17 or 137 of 65,536 for r = 0, 1 and 2.
 *
 * @param hashes (count,2) words
 * @param distance at most MOST_DISTANCE
 */
export function closePairs(
  hashes: Uint32Array,
  distance: number,
  found: (i: number, j: number) => void,
  onProgress: (fraction: number) => void = () => undefined,
): void {
  const count = hashes.length / 2;
  const turned = Math.floor(distance / CHUNKS);
  const turns = turnsOf(turned);
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const { starts, members } = sortByChunk(hashes, chunk);
    for (let i = 0; i < count; i++) {
      const own = chunkOf(hashes, i, chunk);
      for (const turn of turns) {
        const value = own ^ turn;
        for (let k = starts[value]!; k < starts[value + 1]!; k++) {
          const j = members[k]!;
          if (j > i && hashDistance(hashes, i, j) <= distance && isFirstChunk(hashes, i, j, chunk, turned)) found(i, j);
        }
      }
      if (i % 1024 === 0) onProgress((chunk + i / count) / CHUNKS);
    }
  }
}

/** The words of 16 bits of which at most `most` are set. */
function turnsOf(most: number): number[] {
  return Array.from({ length: 1 << CHUNK_BITS }, (_, value) => value).filter(value => bitCount(value) <= most);
}

function chunkOf(hashes: Uint32Array, i: number, chunk: number): number {
  return (hashes[2 * i + (chunk >> 1)]! >>> ((chunk & 1) * CHUNK_BITS)) & 0xffff;
}

/** Whether no chunk before this one would have found the pair. */
function isFirstChunk(hashes: Uint32Array, i: number, j: number, chunk: number, turned: number): boolean {
  for (let c = 0; c < chunk; c++) {
    if (bitCount(chunkOf(hashes, i, c) ^ chunkOf(hashes, j, c)) <= turned) return false;
  }
  return true;
}

/**
 * All hashes in the order of one chunk (counting sort): those of value v are members[starts[v]] to members[starts[v +
 * 1] - 1].
 */
function sortByChunk(hashes: Uint32Array, chunk: number): { starts: Uint32Array; members: Uint32Array } {
  const count = hashes.length / 2;
  const starts = new Uint32Array((1 << CHUNK_BITS) + 1);
  for (let i = 0; i < count; i++) starts[chunkOf(hashes, i, chunk) + 1]!++;
  for (let v = 0; v < 1 << CHUNK_BITS; v++) starts[v + 1]! += starts[v]!;
  const next = starts.slice();
  const members = new Uint32Array(count);
  for (let i = 0; i < count; i++) members[next[chunkOf(hashes, i, chunk)]!++] = i;
  return { starts, members };
}
