/** Conversions between the floating-point types of weights files. */
import { UserError } from '../util/errors.js';
import type { HostTensor } from './host-tensor.js';

/** Types of floating-point numbers in safetensors' notation. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16';

/** Bits of the fraction, and the exponent's bias, of the types that are held as their 16 bits. */
const SMALL = {
  F16: { fraction: 10, bias: 15, largest: '65504' },
  BF16: { fraction: 7, bias: 127, largest: '3.4e38' },
} as const;

export function isFloat(tensor: HostTensor): tensor is HostTensor & { readonly dtype: FloatDtype } {
  return ['F64', 'F32', 'F16', 'BF16'].includes(tensor.dtype);
}

/**
 * The values as float32: exact from F16 and BF16, rounded to nearest from F64, the tensor's own array from F32.
 *
 * @throws UserError for integer and boolean tensors, which are no weights
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { dtype, shape, data } = tensor;
  switch (dtype) {
    case 'F32':
      return data as Float32Array;
    case 'F64':
      return Float32Array.from(data as Float64Array);
    case 'BF16':
      return fromBits(data as Uint16Array, bits => bits << 16);
    case 'F16':
      return fromBits(data as Uint16Array, float16ToFloat32Bits);
    case 'I64':
    case 'U64':
    case 'I32':
    case 'U32':
    case 'I16':
    case 'U16':
    case 'I8':
    case 'U8':
    case 'BOOL':
      throw new UserError(
        `a tensor of type ${dtype} and shape [${shape.join(', ')}] stands where real numbers are needed`,
      );
  }
}

/**
 * The tensor as `dtype`, rounded to nearest, ties to even; the tensor itself where it is of that type already.
 *
 * @throws UserError for integer and boolean tensors, and where a finite value is beyond what `dtype` can hold
 */
export function castFloat(tensor: HostTensor, dtype: FloatDtype): HostTensor {
  if (tensor.dtype === dtype) return tensor;
  const { shape } = tensor;
  const values = tensor.dtype === 'F64' ? (tensor.data as Float64Array) : toFloat32(tensor);
  switch (dtype) {
    case 'F64':
      return { dtype, shape, data: Float64Array.from(values) };
    case 'F32': {
      const data = Float32Array.from(values);
      checkFinite(values, i => Number.isFinite(data[i]), dtype, '3.4e38');
      return { dtype, shape, data };
    }
    case 'F16':
    case 'BF16': {
      const { fraction, bias, largest } = SMALL[dtype];
      const infinity = (2 * bias + 1) << fraction;
      const data = Uint16Array.from(values, value => roundToBits(value, fraction, bias));
      checkFinite(values, i => (data[i]! & infinity) !== infinity, dtype, largest);
      return { dtype, shape, data };
    }
  }
}

function checkFinite(
  values: Float64Array | Float32Array,
  isFinite: (index: number) => boolean,
  dtype: FloatDtype,
  largest: string,
): void {
  const beyond = values.findIndex((value, i) => Number.isFinite(value) && !isFinite(i));
  if (beyond === -1) return;
  throw new UserError(`the value ${values[beyond]!} is beyond ${dtype}, whose largest is ${largest}`);
}

const scratch = new Float64Array(1);
const scratchBits = new BigUint64Array(scratch.buffer);

/** The nearest value, ties to even, of a type of 16 bits, straight from binary64 so that it is rounded only once. */
function roundToBits(value: number, fraction: number, bias: number): number {
  const infinity = (2 * bias + 1) << fraction;
  scratch[0] = value;
  const bits = scratchBits[0]!;
  const sign = bits >> 63n === 1n ? 0x8000 : 0;
  if (Number.isNaN(value)) return sign | infinity | (1 << (fraction - 1));
  if (!Number.isFinite(value)) return sign | infinity;
  // Below the smallest normal exponent the spacing of values stays what it is there.
  const exponent = Math.max(Number((bits >> 52n) & 0x7ffn) - 1023, 1 - bias);
  const steps = roundToEven(Math.abs(value) * 2 ** (fraction - exponent));
  // A normal value's leading one is a step into the exponent's field, as is a carry out of the fraction.
  const encoded = steps + ((exponent + bias - 1) << fraction);
  return sign | Math.min(encoded, infinity);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function fromBits(source: Uint16Array, convert: (bits: number) => number): Float32Array {
  const bits = Uint32Array.from(source, convert);
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16 to binary32, both as bits; every half-precision value, NaN payloads included, has its equal. */
function float16ToFloat32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f80_0000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 127 - 15) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal float: shift its leading one up to the implicit place.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((127 - 15 + 1 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
