/** Side of the block of low frequencies that a hash looks at. */
const FREQUENCIES = 8;
/** Bits of a hash: one for each frequency but the constant one. */
export const HASH_BITS = FREQUENCIES * FREQUENCIES - 1;
/** 32-bit words of a hash. */
export const HASH_WORDS = 2;

/**
 * Perceptual hashes of grey images of one size: bit b is the sign of the b-th of the 63 lowest frequencies of the
 * image's DCT-II (8 by 8, without the constant one). Brightness and contrast leave the signs as they are, and resizing,
 * compression and small shifts change few of them. After the hash in Zauner, "Implementation and Benchmarking of
 * Perceptual Image Hash Functions" (2010), without its resizing to 32 x 32, which low frequencies do not need, and with
 * 0 for its median, so that bits do not depend on each other.
 *
 * @param images (count,height,width)
 * @returns (count,2) words
 */
export function perceptualHashes(
  images: Uint8Array,
  height: number,
  width: number,
  onProgress: (fraction: number) => void = () => undefined,
): Uint32Array {
  const size = height * width;
  const count = images.length / size;
  const down = cosines(height);
  const across = cosines(width);
  const rows = new Float64Array(FREQUENCIES * width);
  const hashes = new Uint32Array(count * HASH_WORDS);
  for (let i = 0; i < count; i++) {
    transformColumns(images, i * size, down, height, width, rows);
    for (let v = 0; v < FREQUENCIES; v++) {
      for (let u = v === 0 ? 1 : 0; u < FREQUENCIES; u++) {
        let sum = 0;
        for (let x = 0; x < width; x++) sum += rows[v * width + x]! * across[u * width + x]!;
        const bit = v * FREQUENCIES + u - 1;
        if (sum > 0) hashes[i * HASH_WORDS + (bit >> 5)]! |= 1 << (bit & 31);
      }
    }
    if (i % 1024 === 0) onProgress(i / count);
  }
  return hashes;
}

/** The first frequencies of every column of one image: rows[v][x] = Σ_y image[y][x] cos(π (y + ½) v / height). */
function transformColumns(
  images: Uint8Array,
  start: number,
  down: Float64Array,
  height: number,
  width: number,
  rows: Float64Array,
): void {
  rows.fill(0);
  for (let y = 0; y < height; y++) {
    const row = start + y * width;
    for (let v = 0; v < FREQUENCIES; v++) {
      const cosine = down[v * height + y]!;
      const to = v * width;
      for (let x = 0; x < width; x++) rows[to + x]! += images[row + x]! * cosine;
    }
  }
}

/** (8,length): the rows of the DCT-II, not scaled, for only signs are asked for. */
function cosines(length: number): Float64Array {
  return Float64Array.from({ length: FREQUENCIES * length }, (_, i) =>
    Math.cos((Math.PI * ((i % length) + 0.5) * Math.floor(i / length)) / length),
  );
}

/** Bits in which hashes `i` and `j` differ. */
export function hashDistance(hashes: Uint32Array, i: number, j: number): number {
  return bitCount(hashes[2 * i]! ^ hashes[2 * j]!) + bitCount(hashes[2 * i + 1]! ^ hashes[2 * j + 1]!);
}

/** Bits that are set in a 32-bit word. */
export function bitCount(word: number): number {
  word -= (word >>> 1) & 0x5555_5555;
  word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
