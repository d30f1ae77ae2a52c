import { describe, expect, it } from 'vitest';
import { castFloat, toFloat32, type FloatDtype } from '../../src/interop/cast.js';
import type { HostTensor } from '../../src/interop/safetensors.js';
import { UserError } from '../../src/util/errors.js';

const f64 = (...values: number[]): HostTensor => ({
  dtype: 'F64',
  shape: [values.length],
  data: Float64Array.from(values),
});
const f32 = (...values: number[]): HostTensor => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const bits = (tensor: HostTensor, dtype: FloatDtype) => [...castFloat(tensor, dtype).data];

/** Where the bits are others; `toEqual` takes seconds for so many. */
const differences = ({ data }: HostTensor, wanted: Uint16Array) => wanted.filter((value, i) => data[i] !== value);

describe('castFloat', () => {
  it('takes every F16 and BF16 to float32 and back to the same bits', () => {
    for (const [dtype, infinity] of [
      ['F16', 0x7c00],
      ['BF16', 0x7f80],
    ] as const) {
      const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(i => (i & infinity) !== infinity);
      const tensor: HostTensor = { dtype, shape: [all.length], data: all };
      const there: HostTensor = { dtype: 'F32', shape: tensor.shape, data: toFloat32(tensor) };
      expect(differences(castFloat(there, dtype), all)).toHaveLength(0);
      expect(differences(castFloat(castFloat(tensor, 'F64'), dtype), all)).toHaveLength(0);
    }
  });

  it('rounds to nearest, ties to even', () => {
    // Between 1 and the next F16, 1 + 2^-10; between 1 + 2^-10 and 1 + 2^-9; a hair above the first middle.
    expect(bits(f64(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -40), 'F16')).toEqual([0x3c00, 0x3c02, 0x3c01]);
    expect(bits(f32(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20), 'BF16')).toEqual([0x3f80, 0x3f82, 0x3f81]);
    // Subnormals of F16: half of the least one goes to zero, three halves to two, and the largest rounds up to normal.
    expect(bits(f64(2 ** -25, 3 * 2 ** -25, 2 ** -14 - 2 ** -26, -(2 ** -25)), 'F16')).toEqual([0, 2, 0x400, 0x8000]);
    expect(bits(f64(65519), 'F16')).toEqual([0x7bff]);
  });

  it('keeps infinities, not-a-numbers and signs of zero', () => {
    expect(bits(f32(Infinity, -Infinity, NaN, -0), 'F16')).toEqual([0x7c00, 0xfc00, 0x7e00, 0x8000]);
    expect(bits(f32(Infinity, -Infinity, NaN, -0), 'BF16')).toEqual([0x7f80, 0xff80, 0x7fc0, 0x8000]);
    expect(bits(f64(Infinity, -0), 'F32')).toEqual([Infinity, -0]);
  });

  it('gives the tensor itself where it has the type', () => {
    const tensor = f32(1);
    expect(castFloat(tensor, 'F32')).toBe(tensor);
  });

  it('refuses values that the type cannot hold, and integers', () => {
    expect(() => castFloat(f32(1, 65520), 'F16')).toThrow('the value 65520 is beyond F16, whose largest is 65504');
    expect(() => castFloat(f64(-1e39), 'BF16')).toThrow('the value -1e+39 is beyond BF16');
    expect(() => castFloat(f64(1e39), 'F32')).toThrow(UserError);
    expect(() => castFloat({ dtype: 'I32', shape: [1], data: Int32Array.of(1) }, 'F16')).toThrow('type I32');
  });
});
