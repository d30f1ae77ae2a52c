import { RandomStream } from '../util/random.js';

/** Number of the operand that values are for: two operands of one case differ. */
export const OPERAND = { x: 0, w: 1, dy: 2, weight: 3, bias: 4, images: 5, labels: 6, probe: 7 } as const;

const SEED = 2026;

/** `count` values, uniform in [-1, 1), the same for every contestant. */
export function values(operand: number, count: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(SEED, operand);
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

/** `count` whole numbers below `n`. */
export function integers(operand: number, count: number, n: number): Uint32Array<ArrayBuffer> {
  const random = new RandomStream(SEED, operand);
  return Uint32Array.from({ length: count }, () => random.integer(n));
}

/** Mean and deviation of pixels in 0..1, every channel. */
export const PIXELS = { mean: 0.5, std: 0.25 } as const;

/** Image bytes (n,size,size,channels), channels innermost. */
export function imageBytes(n: number, channels: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(integers(OPERAND.images, n * channels * size * size, 256));
}

/** The same images as normalised values, in the same order. */
export function normalised(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bytes, byte => (byte / 255 - PIXELS.mean) / PIXELS.std);
}

/** (n,rows,columns) to (n,columns,rows): channels innermost to channels outermost, or back. */
export function transposeEach(data: Float32Array, n: number, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  for (let i = 0; i < n; i++) {
    const base = i * rows * columns;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) result[base + c * rows + r] = data[base + r * columns + c]!;
    }
  }
  return result;
}
