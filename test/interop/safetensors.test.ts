import { describe, expect, it } from 'vitest';
import {
  decodeSafeTensors,
  encodeSafeTensors,
  toFloat32,
  type HostTensor,
  type SafeTensors,
} from '../../src/interop/safetensors.js';
import { UserError } from '../../src/util/errors.js';
import { RandomStream } from '../../src/util/random.js';

const f32 = (shape: number[], values: number[]): HostTensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});

const sample = (): SafeTensors => ({
  tensors: new Map<string, HostTensor>([
    ['net.0.weight', f32([2, 3], [1, -2, 3.5, 0, -0, 1e-40])],
    ['flag', { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ['half', { dtype: 'F16', shape: [3], data: Uint16Array.of(0x3c00, 0x7e01, 0x0001) }],
    ['num_batches_tracked', { dtype: 'I64', shape: [], data: BigInt64Array.of(-5n) }],
    ['empty', f32([0, 4], [])],
    ['double', { dtype: 'F64', shape: [1], data: Float64Array.of(Math.PI) }],
  ]),
  metadata: { format: 'pt', note: 'naïve "quotes"' },
});

/** A file with this header (text or object) and this much data. */
function file(header: unknown, dataBytes: number, declared?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(declared ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const headerOf = (bytes: Uint8Array): Record<string, { data_offsets: [number, number] }> => {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as never;
};

it('decodes what Node reads from a file: a Buffer, whose slices share its memory', () => {
  const { tensors } = decodeSafeTensors(Buffer.from(encodeSafeTensors(sample())));
  expect(tensors).toEqual(sample().tensors);
});

describe('encodeSafeTensors', () => {
  it('writes the bytes that the format prescribes', () => {
    const bytes = encodeSafeTensors({ tensors: new Map([['a', f32([2], [1, -2])]]), metadata: {} });
    const header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ';
    expect(header.length % 8).toBe(0);
    expect([...bytes]).toEqual([
      ...[header.length, 0, 0, 0, 0, 0, 0, 0],
      ...new TextEncoder().encode(header),
      ...[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0],
    ]);
  });

  it('gives the same bytes whatever the order of insertion', () => {
    const file = sample();
    const reversed = {
      tensors: new Map([...file.tensors].reverse()),
      metadata: Object.fromEntries(Object.entries(file.metadata).reverse()),
    };
    expect(encodeSafeTensors(reversed)).toEqual(encodeSafeTensors(file));
  });

  it('aligns the data to 8 bytes and every tensor to its elements, for any length of header', () => {
    for (let length = 1; length <= 8; length++) {
      const file = sample();
      file.metadata = { note: 'x'.repeat(length) };
      const bytes = encodeSafeTensors(file);
      const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      expect(headerBytes % 8).toBe(0);
      for (const [name, tensor] of file.tensors) {
        expect(headerOf(bytes)[name]!.data_offsets[0] % tensor.data.BYTES_PER_ELEMENT).toBe(0);
      }
    }
  });

  it('orders tensors of one element size by name, names that look like integers too', () => {
    const one = f32([1], [1]);
    const tensors = new Map([
      ['b', one],
      ['9', one],
      ['10', one],
      ['B', one],
    ]);
    const header = headerOf(encodeSafeTensors({ tensors, metadata: {} }));
    const starts = ['10', '9', 'B', 'b'].map(name => header[name]!.data_offsets[0]);
    expect(starts).toEqual([0, 4, 8, 12]);
  });

  it('refuses tensors whose dtype, shape and data do not belong together', () => {
    const encode = (tensor: HostTensor, name = 'w') =>
      encodeSafeTensors({ tensors: new Map([[name, tensor]]), metadata: {} });
    expect(() => encode(f32([3], [1, 2]))).toThrow("tensor 'w': 2 values do not fill the shape [3]");
    expect(() => encode(f32([1.5], [1]))).toThrow('not a list of sizes');
    expect(() => encode({ dtype: 'F64', shape: [1], data: Float32Array.of(1) })).toThrow(
      'F64 is held by a Float64Array',
    );
    expect(() => encode(f32([1], [1]), '__metadata__')).toThrow("cannot be a tensor's name");
  });
});

describe('decodeSafeTensors', () => {
  it('returns what was encoded', () => {
    const file = sample();
    const decoded = decodeSafeTensors(encodeSafeTensors(file));
    expect(decoded.metadata).toEqual(file.metadata);
    expect(new Map([...decoded.tensors].sort())).toEqual(new Map([...file.tensors].sort()));
  });

  it('keeps every bit, of NaN payloads and signed zeros too', () => {
    const bits = Uint32Array.of(0x7fc0_0001, 0xffc0_beef, 0x7f80_0001, 0x8000_0000, 1, 0x7f80_0000, 0xff80_0000);
    const tensor: HostTensor = { dtype: 'F32', shape: [7], data: new Float32Array(bits.buffer) };
    const decoded = decodeSafeTensors(encodeSafeTensors({ tensors: new Map([['x', tensor]]), metadata: {} }));
    expect(new Uint32Array(decoded.tensors.get('x')!.data.buffer)).toEqual(bits);
  });

  it('reads from any offset of a larger buffer and does not alias it', () => {
    const bytes = encodeSafeTensors(sample());
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    const decoded = decodeSafeTensors(larger.subarray(3));
    larger.fill(0);
    expect(decoded.tensors.get('double')).toEqual(sample().tensors.get('double'));
  });

  it('accepts an unpadded header, tensors in any order, an empty file and names of object properties', () => {
    const header = {
      toString: { dtype: 'U8', shape: [1], data_offsets: [4, 5] },
      a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
    };
    const { tensors } = decodeSafeTensors(file(header, 5));
    expect(tensors.get('toString')!.data).toEqual(Uint8Array.of(0));
    expect(decodeSafeTensors(file('{}', 0)).tensors.size).toBe(0);
    const proto = file(
      '{"__metadata__":{"__proto__":"x"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    );
    expect(decodeSafeTensors(proto).tensors.has('__proto__')).toBe(true);
    expect(Object.entries(decodeSafeTensors(proto).metadata)).toEqual([['__proto__', 'x']]);
  });

  const entry = (change: object) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...change } });
  const pair = (first: [number, number], second: [number, number]) => ({
    a: { dtype: 'U8', shape: [first[1] - first[0]], data_offsets: first },
    b: { dtype: 'U8', shape: [second[1] - second[0]], data_offsets: second },
  });
  const malformed: [string, Uint8Array, string][] = [
    ['an empty file', new Uint8Array(0), '0 bytes long'],
    ['half a header length', new Uint8Array(5), '5 bytes long'],
    ['an absurd header length', new Uint8Array(16).fill(0xff), 'header length 18446744073709551615 exceeds'],
    ['a header past the end', file('{}', 0, 3), 'truncated: the header ends at byte 11, the file at 10'],
    ['an empty header', file('', 4), "does not begin with '{'"],
    ['an array as header', file('[]', 0), "does not begin with '{'"],
    ['a header that is no JSON', file('{"a":', 0), 'the header is not JSON'],
    ['a header that is no UTF-8', file('{"\u0001', 0).fill(0xff, 9), 'the header is not JSON'],
    ['metadata that is no object', file({ __metadata__: 'x' }, 0), '__metadata__ is not an object'],
    ['metadata that is a list', file({ __metadata__: ['x'] }, 0), '__metadata__ is not an object'],
    ['metadata with a number', file({ __metadata__: { epoch: 3 } }, 0), "__metadata__ 'epoch' is not a string"],
    ['an entry that is no object', file({ a: 3 }, 0), "tensor 'a': its entry in the header is not an object"],
    ['a null entry', file({ a: null }, 0), "tensor 'a': its entry"],
    ['an unknown dtype', file(entry({ dtype: 'F8_E4M3' }), 8), 'dtype "F8_E4M3" is not one of F64, I64'],
    ['a dtype named as a property', file(entry({ dtype: 'constructor' }), 8), 'dtype "constructor"'],
    ['no dtype', file(entry({ dtype: undefined }), 8), 'dtype undefined'],
    ['no shape', file(entry({ shape: undefined }), 8), 'shape undefined is not a list'],
    ['a shape that is a number', file(entry({ shape: 2 }), 8), 'shape 2 is not a list'],
    ['a negative size', file(entry({ shape: [-2] }), 8), 'shape [-2] is not a list of sizes'],
    ['a fractional size', file(entry({ shape: [0.5, 4] }), 8), 'shape [0.5,4] is not a list of sizes'],
    ['a size beyond 2^53', file(entry({ shape: [2 ** 53] }), 8), 'is not a list of sizes'],
    ['an overflowing shape', file(entry({ shape: [2 ** 40, 2 ** 40] }), 8), 'needs'],
    ['no offsets', file(entry({ data_offsets: undefined }), 8), 'data_offsets undefined'],
    ['one offset', file(entry({ data_offsets: [0] }), 8), 'data_offsets [0] are not'],
    ['three offsets', file(entry({ data_offsets: [0, 4, 8] }), 8), 'data_offsets [0,4,8] are not'],
    ['offsets in reverse', file(entry({ data_offsets: [8, 0] }), 8), 'data_offsets [8,0] are not'],
    ['negative offsets', file(entry({ data_offsets: [-8, 0] }), 8), 'data_offsets [-8,0] are not'],
    ['offsets that are strings', file(entry({ data_offsets: ['0', '8'] }), 8), 'data_offsets ["0","8"] are not'],
    ['a shape of another size', file(entry({ shape: [3] }), 8), 'shape [3] of F32 needs 12 bytes, data_offsets hold 8'],
    ['data that ends early', file(entry({}), 7), 'truncated: tensors need 8 bytes of data, the file has 7'],
    ['data that goes on', file(entry({}), 9), '1 bytes of data after the last tensor'],
    ['a hole at the start', file(entry({ data_offsets: [4, 12] }), 12), "tensor 'a' leaves a hole after byte 0"],
    ['a hole between tensors', file(pair([0, 2], [3, 5]), 5), "tensor 'b' leaves a hole after byte 2"],
    ['tensors that overlap', file(pair([0, 3], [2, 5]), 5), "tensor 'b' overlaps the one before it"],
    [
      'a name that comes twice',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      'the header has the name "a" twice',
    ],
    ['a name in two spellings', file('{"a" :{},"\\u0061":{}}', 0), 'the header has the name "a" twice'],
    ['metadata that comes twice', file('{"__metadata__":{"k":"1","k":"2"}}', 0), 'the header has the name "k" twice'],
    ['a field that comes twice', file('{"a":{"shape":[1],"shape":[2]}}', 0), 'the header has the name "shape" twice'],
    ['a header that is nested without end', file(`{"a":${'['.repeat(1e6)}`, 0), 'the header is nested too deeply'],
    ['a header of 100 MB and one byte', file('{}', 0, 100_000_001), 'header length 100000001 exceeds 100000000'],
    ['a shape without end', file(entry({ shape: new Array(1e5).fill(-1) }), 8), 'is not a list of sizes'],
    ['tensors in one place', file(pair([0, 3], [0, 3]), 3), 'overlaps the one before it'],
  ];
  it.each(malformed)('refuses %s', (_, bytes, message) => {
    const decode = () => decodeSafeTensors(bytes, 'best.safetensors');
    expect(decode).toThrow(UserError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(/^best\.safetensors: /);
  });

  it('takes the same word as a name, as a value and in several objects', () => {
    const header =
      '{"shape":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"shape":"shape","a\\"":":"}}';
    expect(decodeSafeTensors(file(header, 1)).metadata).toEqual({ shape: 'shape', 'a"': ':' });
  });

  it('keeps messages short and free of control characters, whatever the file says', () => {
    const name = `\u001b[2J${'x'.repeat(1e5)}`;
    const bytes = file({ [name]: { dtype: 'x'.repeat(1e5), shape: [1], data_offsets: [0, 1] } }, 1);
    let message = '';
    try {
      decodeSafeTensors(bytes);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).toContain("tensor '\\u001b[2Jxxx");
    expect(message.length).toBeLessThan(500);
  });

  it('answers random damage with a UserError or a well-formed result, never with anything else', () => {
    const good = encodeSafeTensors(sample());
    const random = new RandomStream(1, 0);
    let refused = 0;
    for (let trial = 0; trial < 3000; trial++) {
      const bytes = good.slice(0, random.uniform() < 0.2 ? random.integer(good.length) : good.length);
      for (let n = 1 + random.integer(3); n > 0 && bytes.length > 0; n--) {
        bytes[random.integer(Math.min(bytes.length, 500))] = random.integer(256);
      }
      try {
        for (const { shape, data } of decodeSafeTensors(bytes).tensors.values()) {
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        }
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

describe('toFloat32', () => {
  const bitsOf = (array: Float32Array) => [...new Uint32Array(array.buffer, array.byteOffset, array.length)];
  const halves = (dtype: 'F16' | 'BF16', ...bits: number[]) =>
    bitsOf(toFloat32({ dtype, shape: [bits.length], data: Uint16Array.from(bits) }));

  /** IEEE 754 binary16, from its definition. */
  const half = (bits: number) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  };

  it('converts every half-precision value exactly', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = toFloat32({ dtype: 'F16', shape: [65536], data: all });
    expect([...all].filter(bits => !Object.is(values[bits], half(bits)))).toEqual([]);
  });

  it('keeps NaN payloads of F16 and BF16', () => {
    expect(halves('F16', 0x7e01, 0xfc01, 0x7dff)).toEqual([0x7fc0_2000, 0xff80_2000, 0x7fbf_e000]);
    expect(halves('BF16', 0x7fc1, 0xff81)).toEqual([0x7fc1_0000, 0xff81_0000]);
  });

  it('converts known values of BF16', () => {
    expect(halves('BF16', 0x3f80, 0xc000, 0x0001, 0x8000, 0xff80)).toEqual([
      0x3f80_0000, 0xc000_0000, 0x0001_0000, 0x8000_0000, 0xff80_0000,
    ]);
  });

  it('rounds F64 to nearest even', () => {
    const data = Float64Array.of(0.1, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 1e300, -0);
    const values = toFloat32({ dtype: 'F64', shape: [5], data });
    expect([...values]).toEqual([Math.fround(0.1), 1, 1 + 2 ** -22, Infinity, -0]);
  });

  it('returns the array of F32 itself', () => {
    const tensor = f32([2], [1, 2]);
    expect(toFloat32(tensor)).toBe(tensor.data);
  });

  it.each(['I64', 'I32', 'U8', 'BOOL'] as const)('refuses %s', dtype => {
    const data = { I64: BigInt64Array.of(1n), I32: Int32Array.of(1), U8: Uint8Array.of(1), BOOL: Uint8Array.of(1) }[
      dtype
    ];
    const convert = () => toFloat32({ dtype, shape: [1], data });
    expect(convert).toThrow(UserError);
    expect(convert).toThrow(`a tensor of type ${dtype} and shape [1]`);
  });
});
