import { PickleError } from './values.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads the numbers and texts of a pickle, little endian, one after the other. */
export class ByteReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    /** Where reading must stop. */
    readonly end: number,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves over `length` bytes and gives where they began. */
  skip(length: number): number {
    const start = this.at;
    if (!(length <= this.end - start)) throw new PickleError(`the pickle ends early, at byte ${this.end}`);
    this.at += length;
    return start;
  }

  uint8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** As a number; lengths beyond 2^53 lose bits, but then they are beyond every file as well. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.skip(8), true));
  }

  /** Pickles hold floats big endian. */
  float64(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }

  slice(length: number): Uint8Array {
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** UTF-8; Python writes lone surrogates as if they were characters, and those become U+FFFD. */
  text(length: number): string {
    return utf8.decode(this.slice(length));
  }

  /** A two's-complement integer of `length` bytes. */
  long(length: number): number | bigint {
    const bytes = this.slice(length);
    if (length === 0) return 0;
    if (length > 64) throw new PickleError(`an integer of ${length} bytes is none of a state dict`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  /** The text up to the end of the line. */
  line(): string {
    const newline = this.bytes.subarray(0, this.end).indexOf(0x0a, this.at);
    if (newline === -1) throw new PickleError(`the pickle ends early, at byte ${this.end}`);
    const text = this.text(newline - this.at);
    this.at = newline + 1;
    return text;
  }
}
