import { UserError } from '../../util/errors.js';
import type { Split, SplitName } from '../dataset.js';
import { parseHeader, type ColumnKind } from './header.js';
import { FER2013_CLASSES, FER2013_SIZE, FER2013_USAGES } from './layout.js';
import { GrowingSplit } from './rows.js';

const PIXELS = FER2013_SIZE * FER2013_SIZE;
/** A header that is longer than this is no header. */
const MAX_HEADER_BYTES = 4096;
/** As much of a text field as an error message shows; every valid one is shorter. */
const MAX_TEXT_BYTES = 40;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;

/** Where the parser stands in the file. */
type State = 'header' | 'field start' | 'pixels' | 'text';
/** Where it stands in a quoted field. */
type Quoting = 'none' | 'open' | 'closed';

/**
 * Reads a FER-2013 CSV file from chunks of bytes that may be cut anywhere. The file is never held as text: a byte is
 * looked at once, and pixels go from digits straight into a packed image.
 *
 * Accepts columns in any order and additional ones, `\r\n`, a byte order mark, quoted fields, blank lines, and a last
 * line without its newline. A quoted field does not extend over a line end: no field of this format has one inside.
 */
export class Fer2013Parser {
  readonly #splits: Readonly<Record<SplitName, GrowingSplit>> = {
    train: new GrowingSplit(),
    val: new GrowingSplit(),
    test: new GrowingSplit(),
  };
  #state: State = 'header';
  #line = 1;
  #images = 0;
  readonly #header: number[] = [];
  #columns: ColumnKind[] = [];

  // The row being read.
  #column = 0;
  #quoting: Quoting = 'none';
  readonly #image = new Uint8Array(PIXELS);
  #label = 0;
  #split: SplitName = 'train';

  // The field being read. A pixel of -1: no digit of it was seen yet.
  #pixel = -1;
  #pixelCount = 0;
  readonly #text: number[] = [];

  /** @param file name for messages */
  constructor(readonly file: string) {}

  /** Number of the line being read, from 1. */
  get line(): number {
    return this.#line;
  }

  /** Images that have been read. */
  get images(): number {
    return this.#images;
  }

  /** @throws {UserError} with file, line and reason at the first fault */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'header':
          at = this.#readHeader(chunk, at);
          break;
        case 'field start':
          at = this.#startField(chunk, at);
          break;
        case 'pixels':
          at = this.#readPixels(chunk, at);
          break;
        case 'text':
          at = this.#readText(chunk, at);
          break;
      }
    }
  }

  /**
   * Ends the file and hands the splits out; the parser is of no use afterwards.
   *
   * @throws {UserError} when the last line is incomplete, or there is no training row
   */
  finish(): Record<SplitName, Split> {
    if (this.#state === 'header') {
      if (this.#header.length === 0) throw new UserError(`${this.file}: the file is empty`);
      this.#endHeader();
    } else if (this.#state !== 'field start' || this.#column > 0) {
      this.#endField();
      this.#endRow();
    }
    const splits = { train: this.#splits.train.take(), val: this.#splits.val.take(), test: this.#splits.test.take() };
    if (splits.train.count === 0) {
      const others = splits.val.count + splits.test.count;
      throw new UserError(
        `${this.file}: no row has the Usage Training (PublicTest and PrivateTest: ${others}); ` +
          'there is nothing to train on',
      );
    }
    return splits;
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const end = chunk.indexOf(LF, at);
    const stop = end < 0 ? chunk.length : end;
    if (this.#header.length + stop - at > MAX_HEADER_BYTES) {
      this.#fail(`more than ${MAX_HEADER_BYTES} bytes; the header of a FER-2013 CSV file is expected here`);
    }
    this.#header.push(...chunk.subarray(at, stop));
    if (end < 0) return stop;
    this.#endHeader();
    this.#line++;
    return stop + 1;
  }

  #endHeader(): void {
    // TextDecoder drops a byte order mark.
    this.#columns = parseHeader(this.file, new TextDecoder().decode(Uint8Array.from(this.#header)));
    this.#state = 'field start';
  }

  #startField(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    if (byte === SPACE || byte === TAB || (byte === CR && this.#column === 0)) return at + 1;
    if (byte === LF && this.#column === 0) {
      this.#line++;
      return at + 1;
    }
    this.#text.length = 0;
    this.#state = this.#kind() === 'pixels' ? 'pixels' : 'text';
    if (this.#state === 'pixels') {
      this.#pixelCount = 0;
      this.#pixel = -1;
    }
    if (byte !== QUOTE) return at;
    this.#quoting = 'open';
    return at + 1;
  }

  /** What the current column holds; columns beyond the header's are counted and nothing else. */
  #kind(): ColumnKind {
    return this.#columns[this.#column] ?? 'ignored';
  }

  /** The hot loop: nearly every byte of a file passes here. Its state lives in locals until the field or chunk ends. */
  #readPixels(chunk: Uint8Array, at: number): number {
    const image = this.#image;
    const closed = this.#quoting === 'closed';
    let pixel = this.#pixel;
    let count = this.#pixelCount;
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9 && !closed) {
        pixel = pixel < 0 ? digit : pixel * 10 + digit;
      } else {
        if (pixel >= 0) {
          this.#storePixel(image, count++, pixel);
          pixel = -1;
        }
        if (byte !== SPACE) {
          this.#pixelCount = count;
          this.#pixel = -1;
          const next = this.#delimiter(chunk, at);
          if (next !== at) return next;
          if (byte !== TAB) this.#fail(`pixel ${count + 1} is not a number: found ${quote([byte])}`);
        }
      }
    }
    this.#pixel = pixel;
    this.#pixelCount = count;
    return at;
  }

  #storePixel(image: Uint8Array, index: number, value: number): void {
    if (value > 255) this.#fail(`pixel ${index + 1} is ${value}; a pixel is a number from 0 to 255`);
    // Beyond the image only the count goes on, for the message.
    if (index < PIXELS) image[index] = value;
  }

  #readText(chunk: Uint8Array, at: number): number {
    for (; at < chunk.length; at++) {
      const next = this.#delimiter(chunk, at);
      if (next !== at) return next;
      if (this.#text.length < MAX_TEXT_BYTES) this.#text.push(chunk[at]!);
    }
    return at;
  }

  /** Handles a byte that has a meaning of its own in CSV. Returns the position behind it, or `at` when it has none. */
  #delimiter(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    if (byte === LF) {
      this.#endField();
      this.#endRow();
      this.#line++;
    } else if (byte === COMMA && this.#quoting !== 'open') {
      this.#endField();
      this.#column++;
    } else if (byte === QUOTE && this.#quoting === 'open') {
      this.#quoting = 'closed';
    } else if (byte === QUOTE && this.#quoting === 'closed' && this.#state === 'text') {
      // Two quotes in a quoted field stand for one.
      this.#quoting = 'open';
      this.#text.push(QUOTE);
    } else if (this.#quoting === 'closed' && byte !== SPACE && byte !== TAB && byte !== CR) {
      this.#fail(`${quote([byte])} follows the closing quote of a field`);
    } else if (byte !== CR) {
      return at;
    }
    return at + 1;
  }

  #endField(): void {
    if (this.#quoting === 'open') this.#fail('a quoted field is not closed');
    this.#quoting = 'none';
    const kind = this.#kind();
    if (kind === 'pixels') this.#endPixels();
    else if (kind === 'emotion') this.#label = this.#parseEmotion();
    else if (kind === 'Usage') this.#split = this.#parseUsage();
    this.#state = 'field start';
  }

  #endPixels(): void {
    // At the end of the file the last pixel has nothing behind it that ended it.
    if (this.#state === 'pixels' && this.#pixel >= 0) this.#storePixel(this.#image, this.#pixelCount++, this.#pixel);
    const count = this.#state === 'pixels' ? this.#pixelCount : 0;
    if (count !== PIXELS) {
      this.#fail(`${count} pixels; an image has ${PIXELS} (${FER2013_SIZE} x ${FER2013_SIZE})`);
    }
  }

  #parseEmotion(): number {
    const text = this.#fieldText();
    const last = FER2013_CLASSES.length - 1;
    if (!/^\d+$/.test(text))
      this.#fail(`the emotion is ${JSON.stringify(text)}; it must be a number from 0 to ${last}`);
    const id = Number(text);
    if (id > last) this.#fail(`the emotion is ${id}; it must be from 0 (${FER2013_CLASSES[0]!}) to ${last} (neutral)`);
    return id;
  }

  #parseUsage(): SplitName {
    const text = this.#fieldText();
    const split = FER2013_USAGES.get(text);
    if (split !== undefined) return split;
    return this.#fail(`unknown Usage ${JSON.stringify(text)}; known are ${[...FER2013_USAGES.keys()].join(', ')}`);
  }

  #fieldText(): string {
    return this.#state === 'text' ? new TextDecoder().decode(Uint8Array.from(this.#text)).trim() : '';
  }

  #endRow(): void {
    const fields = this.#column + 1;
    if (fields !== this.#columns.length) {
      this.#fail(`${fields} field${fields > 1 ? 's' : ''}; the header has ${this.#columns.length}`);
    }
    this.#splits[this.#split].push(this.#label, this.#image, this.#line);
    this.#images++;
    this.#column = 0;
  }

  #fail(reason: string): never {
    throw new UserError(`${this.file}, line ${this.#line}: ${reason}`);
  }
}

function quote(bytes: number[]): string {
  return JSON.stringify(new TextDecoder('latin1').decode(Uint8Array.from(bytes)));
}
