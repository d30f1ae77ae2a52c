/**
 * The goldens hold results only: inputs and weights come from a hash of their names, which any language can compute.
 * Everything here equals the Python that wrote the goldens bit for bit.
 */
import type { HostTensor } from '../../src/interop/safetensors.js';

/** FNV-1a, 32 bits, of the UTF-8 bytes (http://www.isthe.com/chongo/tech/comp/fnv/). */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The `lowbias32` integer hash (https://nullprogram.com/blog/2018/07/31/). */
export function lowbias32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** `offset + scale * u` with u in [-0.5, 0.5) from the hash of (name, seed, index); row-major (NCHW / OIHW). */
export function fill(
  name: string,
  shape: readonly number[],
  seed: number,
  scale = 2,
  offset = 0,
): Float32Array<ArrayBuffer> {
  const start = fnv1a(name) + Math.imul(seed, 0x9e3779b9);
  // The generator rounds twice: the unit number to float32, then the scaled one when it is stored.
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const unit = Math.fround(lowbias32((start + i) | 0) / 2 ** 32 - 0.5);
    return offset + scale * unit;
  });
}

/** One entry of a state dict, filled as its name says. */
export function initialState(name: string, shape: readonly number[], seed: number): HostTensor {
  const leaf = name.split('.').at(-1);
  if (leaf === 'num_batches_tracked') return { dtype: 'I64', shape: [], data: BigInt64Array.of(0n) };
  const values = (scale: number, offset = 0): HostTensor => ({
    dtype: 'F32',
    shape,
    data: fill(name, shape, seed, scale, offset),
  });
  if (leaf === 'running_mean' || leaf === 'bias') return values(0.2);
  if (leaf === 'running_var') return values(0.5, 1);
  if (leaf === 'weight' && shape.length === 1) return values(0.2, 1);
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  return values(Math.sqrt(12) * Math.sqrt(2 / fanIn));
}
