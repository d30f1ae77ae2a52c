/** Tensors in host memory, as weights files hold them. Values pass through as bits, so that NaN payloads survive. */

/** Bytes of one element, and the typed array that holds it. Half-precision values are held as their 16 bits. */
export const dtypes = {
  F64: { bytes: 8, array: Float64Array },
  I64: { bytes: 8, array: BigInt64Array },
  U64: { bytes: 8, array: BigUint64Array },
  F32: { bytes: 4, array: Float32Array },
  I32: { bytes: 4, array: Int32Array },
  U32: { bytes: 4, array: Uint32Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I16: { bytes: 2, array: Int16Array },
  U16: { bytes: 2, array: Uint16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const;

/** safetensors' names of the element types. */
export type SafeDtype = keyof typeof dtypes;

export type HostArray =
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * A tensor in host memory, row-major. `data` is the dtype's own array: Float32Array for F32, BigInt64Array for I64,
 * and so on; Uint16Array of bit patterns for F16 and BF16, Uint8Array of 0 and 1 for BOOL.
 */
export interface HostTensor {
  readonly dtype: SafeDtype;
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** The elements of a tensor of this shape; 1 for a scalar. */
export function count(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** Whether `value` can be a shape: a list of whole numbers from 0 to 2^53. */
export function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0);
}
