/**
 * TensorFlow's TFRecord framing (tensorflow/core/lib/io/record_writer.h), little endian:
 *
 *     8 bytes    length of the data, unsigned
 *     4 bytes    masked CRC-32C of those eight bytes
 *     data
 *     4 bytes    masked CRC-32C of the data
 *
 * Bytes in, bytes out: no file access.
 */
import crc32c from 'crc-32/crc32c.js';
import { UserError } from '../../util/errors.js';

const HEAD = 12;
const FOOT = 4;

/** CRC-32C, rotated and offset so that the sum of data which hold such sums is still a good one (tensorflow/core/lib/hash/crc32c.h). */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record's bytes. */
export function encodeRecord(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(HEAD + data.length + FOOT);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, HEAD);
  view.setUint32(HEAD + data.length, maskedCrc32c(data), true);
  return record;
}

/**
 * The data of all whole records, as views of `bytes`, and how many bytes follow the last: a writer that was killed may
 * leave a part of a record, and one that still writes may just be at it.
 * @throws UserError where one of the two sums of a record is wrong, with its place
 */
export function decodeRecords(bytes: Uint8Array): { records: Uint8Array[]; rest: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at + HEAD <= bytes.length) {
    check(bytes.subarray(at, at + 8), view.getUint32(at + 8, true), `length of record ${records.length + 1}`, at);
    const length = view.getBigUint64(at, true);
    if (length > BigInt(bytes.length - at - HEAD - FOOT)) break;
    const end = at + HEAD + Number(length);
    const data = bytes.subarray(at + HEAD, end);
    check(data, view.getUint32(end, true), `data of record ${records.length + 1}`, at);
    records.push(data);
    at = end + FOOT;
  }
  return { records, rest: bytes.length - at };
}

function check(bytes: Uint8Array, sum: number, what: string, at: number): void {
  if (maskedCrc32c(bytes) === sum) return;
  throw new UserError(`the ${what} (byte ${at}) is damaged: its checksum does not match`);
}
