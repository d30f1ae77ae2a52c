import { describe, expect, it } from 'vitest';
import type { Split, SplitName } from '../../../src/data/dataset.js';
import { Fer2013Parser } from '../../../src/data/fer2013/parser.js';
import { csv, image, PIXELS, row } from '../fixtures.js';

const encoder = new TextEncoder();

function parse(text: string | Uint8Array, ...cuts: number[]): Record<SplitName, Split> {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  const parser = new Fer2013Parser('faces.csv');
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    parser.push(bytes.subarray(from, to));
    from = to;
  }
  return parser.finish();
}

/** What parsing throws, or a failed test when it throws nothing. */
function faultOf(text: string | Uint8Array): { name: string; message: string } {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  throw new Error('no fault was found');
}

const THREE_SPLITS = csv([row(3, 1), row(6, 2, 'PublicTest'), row(0, 3, 'PrivateTest')]);

describe('Fer2013Parser', () => {
  it('reads labels and pixels into the splits that Usage names', () => {
    const { train, val, test } = parse(csv([row(3, 1), row(6, 2, 'PublicTest'), row(0, 3, 'PrivateTest'), row(5, 4)]));
    expect(train).toMatchObject({
      count: 2,
      labels: Uint8Array.of(3, 5),
      images: Uint8Array.from([...image(1), ...image(4)]),
    });
    expect(val).toMatchObject({ count: 1, labels: Uint8Array.of(6), images: Uint8Array.from(image(2)) });
    expect(test).toMatchObject({ count: 1, labels: Uint8Array.of(0), images: Uint8Array.from(image(3)) });
  });

  it('gives the same splits wherever the file is cut in two', () => {
    // Every kind of byte that has a meaning, on both sides of a cut: mark, quotes, spaces, \r\n, digits, commas.
    const text = `\ufeffemotion, "Usage",pixels\r\n"3",Training,"${image(1).join(' ')}"\r\n\r\n 2 , PublicTest ,${image(2).join(' ')}`;
    const bytes = encoder.encode(text);
    const whole = parse(bytes);
    expect([whole.train.count, whole.val.count]).toEqual([1, 1]);
    const different: number[] = [];
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { train, val, test } = parse(bytes, cut);
      const same =
        Buffer.compare(train.images, whole.train.images) === 0 &&
        Buffer.compare(val.images, whole.val.images) === 0 &&
        train.labels[0] === 3 &&
        val.labels[0] === 2 &&
        test.count === 0;
      if (!same) different.push(cut);
    }
    expect(different).toEqual([]);
  });

  it('gives the same splits byte by byte', () => {
    const cuts = Array.from({ length: encoder.encode(THREE_SPLITS).length }, (_, i) => i);
    expect(parse(THREE_SPLITS, ...cuts)).toEqual(parse(THREE_SPLITS));
  });

  it('reads more rows than a block holds', () => {
    const emotions = Array.from({ length: 300 }, (_, i) => i % 7);
    const pixels = image(1).join(' ');
    const { train } = parse(csv(emotions.map(emotion => `${emotion},${pixels},Training`)));
    expect([...train.labels]).toEqual(emotions);
    expect(train.images).toHaveLength(300 * PIXELS);
    for (const index of [0, 127, 128, 255, 256, 299]) {
      expect([...train.images.subarray(index * PIXELS, (index + 1) * PIXELS)]).toEqual(image(1));
    }
  });

  const pixels = image(1).join(' ');
  it.each([
    ['columns in the order of icml_face_data.csv, with its spaces', `emotion, Usage, pixels\n3,Training,${pixels}\n`],
    ['\\r\\n', `emotion,pixels,Usage\r\n3,${pixels},Training\r\n`],
    ['no newline at the end', `emotion,pixels,Usage\n3,${pixels},Training`],
    ['no newline after pixels at the end', `emotion,Usage,pixels\n3,Training,${pixels}`],
    ['a byte order mark', `\ufeffemotion,pixels,Usage\n3,${pixels},Training\n`],
    ['quoted fields', `"emotion","pixels","Usage"\n"3","${pixels}","Training"\n`],
    ['a quoted field at the end of the file', `emotion,Usage,pixels\n3,Training,"${pixels}"`],
    ['blank lines', `emotion,pixels,Usage\n\n3,${pixels},Training\n\n \n\r\n`],
    ['spaces around pixels', `emotion,pixels,Usage\n3,  ${pixels.replaceAll(' ', '  ')} ,Training\n`],
    ['leading zeros', `emotion,pixels,Usage\n03,${pixels.replaceAll(/\d+/g, '00$&')},Training\n`],
    ['other columns', `name,emotion,pixels,Usage,note\n"a ""b"", c",3,${pixels},Training,\n`],
    ['other cases of letters in the header', `Emotion,Pixels,usage\n3,${pixels},Training\n`],
  ])('accepts %s', (_, text) => {
    const { train, val, test } = parse(text);
    expect(train).toMatchObject({ count: 1, labels: Uint8Array.of(3), images: Uint8Array.from(image(1)) });
    expect([val.count, test.count]).toEqual([0, 0]);
  });

  const good = row(3, 1);
  const withPixel = (index: number, value: string): string => {
    const values = image(1).map(String);
    values[index] = value;
    return `3,${values.join(' ')},Training`;
  };
  it.each([
    ['an empty file', '', 'faces.csv: the file is empty'],
    [
      'a header without columns',
      'a,b\n',
      'faces.csv, line 1: the header lacks the columns emotion, pixels, Usage; found: "a", "b"',
    ],
    [
      'a header without Usage',
      'emotion,pixels\n',
      'faces.csv, line 1: the header lacks the column Usage; found: "emotion", "pixels"',
    ],
    ['a column twice', 'emotion,pixels,Usage,pixels\n', 'faces.csv, line 1: the header has the column pixels twice'],
    ['no header', csv([good], good).slice(0, 9000), 'faces.csv, line 1: more than 4096 bytes'],
    ['a tar archive', 'fer2013/fer2013.csv\0\0\0\n', 'faces.csv, line 1: not text'],
    ['too few pixels', csv([good, '3,1 2 3,Training']), 'faces.csv, line 3: 3 pixels; an image has 2304 (48 x 48)'],
    ['too many pixels', csv([good, good, `3,${pixels} 0,Training`]), 'faces.csv, line 4: 2305 pixels'],
    ['no pixels', csv(['3,,Training']), 'faces.csv, line 2: 0 pixels'],
    [
      'a pixel over 255',
      csv([good, withPixel(16, '256')]),
      'faces.csv, line 3: pixel 17 is 256; a pixel is a number from 0 to 255',
    ],
    [
      'a last pixel over 255',
      csv([`3,Training,${image(1).fill(999, 2303).join(' ')}`], 'emotion,Usage,pixels').trimEnd(),
      'faces.csv, line 2: pixel 2304 is 999',
    ],
    ['a pixel that is no number', csv([withPixel(4, 'x1')]), 'faces.csv, line 2: pixel 5 is not a number: found "x"'],
    ['a negative pixel', csv([withPixel(4, '-1')]), 'faces.csv, line 2: pixel 5 is not a number: found "-"'],
    ['a fraction', csv([withPixel(4, '1.5')]), 'faces.csv, line 2: pixel 6 is not a number: found "."'],
    [
      'an emotion over 6',
      csv([good, good, row(7, 1)]),
      'faces.csv, line 4: the emotion is 7; it must be from 0 (angry) to 6 (neutral)',
    ],
    [
      'a negative emotion',
      csv([row(-1, 1)]),
      'faces.csv, line 2: the emotion is "-1"; it must be a number from 0 to 6',
    ],
    [
      'an emotion that is no number',
      csv([row('happy', 1)]),
      'faces.csv, line 2: the emotion is "happy"; it must be a number',
    ],
    ['an empty emotion', csv([row('', 1)]), 'faces.csv, line 2: the emotion is ""; it must be a number'],
    [
      'an unknown Usage',
      csv([good, row(3, 1, 'Test')]),
      'faces.csv, line 3: unknown Usage "Test"; known are Training, PublicTest, PrivateTest',
    ],
    ['an empty Usage', csv([row(3, 1, '')]), 'faces.csv, line 2: unknown Usage ""'],
    ['a line counted after blank ones', csv([good, '', '\r', row(9, 1)]), 'faces.csv, line 5: the emotion is 9'],
    ['too few fields', csv([good, `3,${pixels}`]), 'faces.csv, line 3: 2 fields; the header has 3'],
    ['one field', csv(['3']), 'faces.csv, line 2: 1 field; the header has 3'],
    ['too many fields', csv([`${good},1`]), 'faces.csv, line 2: 4 fields; the header has 3'],
    ['a file that ends within a row', csv([good, good]).slice(0, -1500), 'faces.csv, line 3: '],
    ['a file that ends behind a comma', csv([good, good]).slice(0, -9), 'faces.csv, line 3: unknown Usage ""'],
    ['an open quote', csv([`3,"${pixels},Training`]), 'faces.csv, line 2: pixel 2305 is not a number: found ","'],
    [
      'an open quote at the end of a line',
      csv([`3,${pixels},"Training`, good]),
      'faces.csv, line 2: a quoted field is not closed',
    ],
    [
      'an open quote at the end of the file',
      csv([`3,${pixels},"Training`]).trimEnd(),
      'faces.csv, line 2: a quoted field is not closed',
    ],
    ['text behind a quote', csv([`"3"x,${pixels},Training`]), 'faces.csv, line 2: "x" follows the closing quote'],
    [
      'a digit behind quoted pixels',
      csv([`3,"${pixels}"1,Training`]),
      'faces.csv, line 2: "1" follows the closing quote',
    ],
    ['a header alone', csv([]), 'faces.csv: no row has the Usage Training (PublicTest and PrivateTest: 0)'],
    ['a header alone, without newline', 'emotion,pixels,Usage', 'faces.csv: no row has the Usage Training'],
    [
      'no training rows',
      csv([row(1, 1, 'PublicTest')]),
      'faces.csv: no row has the Usage Training (PublicTest and PrivateTest: 1)',
    ],
  ])('refuses %s', (_, text, message) => {
    const fault = faultOf(text);
    expect(fault.message.slice(0, message.length)).toBe(message);
    expect(fault.name).toBe('UserError');
  });
});
