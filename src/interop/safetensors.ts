/**
 * The safetensors file format, https://huggingface.co/docs/safetensors/index#format:
 *
 *     8 bytes    length of the header, unsigned, little endian
 *     header     JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"k": "v"}}
 *     data       the tensors' bytes, little endian, row-major, without gaps; offsets count from here
 *
 * Bytes in, bytes out: no file access. Values pass through as bits, so that NaN payloads survive.
 */
import { UserError } from '../util/errors.js';
import { count, dtypes, isSizes, type HostTensor, type SafeDtype } from './host-tensor.js';
import { faultOfKeys } from './json-keys.js';
import { printable } from './printable.js';

export { toFloat32 } from './cast.js';
export type { HostArray, HostTensor, SafeDtype } from './host-tensor.js';

/** What a safetensors file holds: tensors by name, and the texts of `__metadata__`. */
export interface SafeTensors {
  tensors: Map<string, HostTensor>;
  metadata: Record<string, string>;
}

const metadataKey = '__metadata__';

/** The reference implementation refuses longer headers, so nothing that writes the format makes them. */
const maxHeaderBytes = 100_000_000;

/**
 * A file's bytes. The same content gives the same bytes: metadata is sorted by key, and tensors by element size,
 * largest first, then by name. That order and a header padded to 8 bytes leave every tensor aligned to its elements, so
 * that a reader may map the file instead of copying it.
 *
 * @throws TypeError where a tensor's dtype, shape and data do not belong together
 * @throws RangeError where names and metadata are too long for a header
 */
export function encodeSafeTensors(file: SafeTensors): Uint8Array<ArrayBuffer> {
  const entries = [...file.tensors].sort(
    ([nameA, a], [nameB, b]) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes || (nameA < nameB ? -1 : 1),
  );
  const header: [string, unknown][] = [];
  const metadata = Object.entries(file.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (metadata.length > 0) header.push([metadataKey, Object.fromEntries(metadata)]);
  let end = 0;
  for (const [name, tensor] of entries) {
    checkHostTensor(name, tensor);
    const start = end;
    end += tensor.data.byteLength;
    header.push([name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [start, end] }]);
  }
  // Object.fromEntries would move names that look like integers to the front; written member by member, they stay.
  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  if (headerBytes > maxHeaderBytes)
    throw new RangeError(`a header of ${headerBytes} bytes is longer than readers take`);

  const bytes = new Uint8Array(8 + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, 8 + headerBytes);
  let at = 8 + headerBytes;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads a whole file's bytes; the tensors are copies. `source` names the file in messages.
 *
 * @throws UserError that says what is wrong with the file
 */
export function decodeSafeTensors(bytes: Uint8Array, source = 'safetensors file'): SafeTensors {
  const fail = (problem: string): never => {
    throw new UserError(`${source}: ${problem}`);
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes long, too short for the header's length`);
  const declared = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (declared > maxHeaderBytes)
    fail(`header length ${declared.toString()} exceeds ${maxHeaderBytes}; not a safetensors file`);
  const dataStart = 8 + Number(declared);
  if (dataStart > bytes.length) fail(`truncated: the header ends at byte ${dataStart}, the file at ${bytes.length}`);
  const data = bytes.subarray(dataStart);

  const header = parseHeader(bytes.subarray(8, dataStart), fail);
  const metadata: [string, string][] = [];
  const infos: TensorInfo[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === metadataKey) {
      if (!isObject(value)) fail(`${metadataKey} is not an object`);
      for (const [key, text] of Object.entries(value as object)) {
        if (typeof text !== 'string') fail(`${metadataKey} '${printable(key)}' is not a string`);
        metadata.push([key, text as string]);
      }
    } else {
      infos.push(parseTensorInfo(name, value, problem => fail(`tensor '${printable(name)}': ${problem}`)));
    }
  }

  // The format allows neither gaps nor overlaps: in order of offset each tensor begins where the last one ended.
  let end = 0;
  for (const info of [...infos].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (info.start !== end) {
      fail(
        `tensor '${printable(info.name)}' ${info.start < end ? 'overlaps the one before it' : `leaves a hole after byte ${end}`}`,
      );
    }
    end = info.end;
  }
  if (end > data.length) fail(`truncated: tensors need ${end} bytes of data, the file has ${data.length}`);
  if (end < data.length) fail(`${data.length - end} bytes of data after the last tensor`);

  const tensors = new Map<string, HostTensor>();
  for (const { name, dtype, shape, start, end: stop } of infos) {
    // Copied to a memory of its own: aligned, and Node's Buffer only pretends to copy in `slice`.
    const own = new Uint8Array(data.subarray(start, stop));
    tensors.set(name, { dtype, shape, data: new dtypes[dtype].array(own.buffer) });
  }
  return { tensors, metadata: Object.fromEntries(metadata) };
}

interface TensorInfo {
  name: string;
  dtype: SafeDtype;
  shape: number[];
  start: number;
  end: number;
}

type Fail = (problem: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): object {
  if (bytes[0] !== 0x7b) fail("the header does not begin with '{'; not a safetensors file");
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const fault = faultOfKeys(text);
    if (fault !== undefined) return fail(`the header ${fault}`);
    return JSON.parse(text) as object;
  } catch (error) {
    if (error instanceof UserError) throw error;
    return fail(`the header is not JSON: ${printable((error as Error).message)}`);
  }
}

function parseTensorInfo(name: string, value: unknown, fail: Fail): TensorInfo {
  if (!isObject(value)) return fail('its entry in the header is not an object');
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype)) {
    return fail(`dtype ${shown(dtype)} is not one of ${Object.keys(dtypes).join(', ')}`);
  }
  if (!isSizes(shape)) return fail(`shape ${shown(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail(`data_offsets ${shown(offsets)} are not a begin and an end`);
  }
  const [start, end] = offsets as [number, number];
  const bytes = count(shape) * dtypes[dtype as SafeDtype].bytes;
  if (end - start !== bytes) {
    return fail(`shape ${shown(shape)} of ${dtype} needs ${bytes} bytes, data_offsets hold ${end - start}`);
  }
  return { name, dtype: dtype as SafeDtype, shape, start, end };
}

function checkHostTensor(name: string, { dtype, shape, data }: HostTensor): void {
  const { array } = dtypes[dtype];
  if (name === metadataKey) throw new TypeError(`'${metadataKey}' cannot be a tensor's name`);
  if (!isSizes(shape)) throw new TypeError(`tensor '${name}': shape [${String(shape)}] is not a list of sizes`);
  if (!(data instanceof array)) throw new TypeError(`tensor '${name}': ${dtype} is held by a ${array.name}`);
  if (data.length !== count(shape)) {
    throw new TypeError(`tensor '${name}': ${data.length} values do not fill the shape [${shape.join(', ')}]`);
  }
}

function shown(value: unknown): string {
  return value === undefined ? 'undefined' : printable(JSON.stringify(value));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
