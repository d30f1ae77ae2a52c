import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readFer2013 } from '../../../src/data/fer2013/read.js';
import { csv, image, row, useTemporaryFolder } from '../fixtures.js';

// Enough rows that the file is read in several chunks.
const TEXT = csv([...Array.from({ length: 80 }, (_, i) => row(i % 7, i)), row(6, 2, 'PublicTest')]);
const quietly = (): void => undefined;
const at = (path: string) => ({ kind: 'file', path }) as const;

describe('readFer2013', () => {
  const folder = useTemporaryFolder();

  it.each([
    ['plain', 'fer2013.csv', TEXT],
    ['gzipped', 'fer2013.csv.gz', gzipSync(TEXT)],
    ['gzipped under a plain name', 'fer2013.csv', gzipSync(TEXT)],
    ['plain under the name of a gzip file', 'fer2013.csv.gz', TEXT],
    [
      'gzipped in two members',
      'fer2013.csv.gz',
      Buffer.concat([gzipSync(TEXT.slice(0, 9999)), gzipSync(TEXT.slice(9999))]),
    ],
  ])('reads a file that is %s', async (_, name, content) => {
    const { train, val, test } = await readFer2013(at(await folder.write(name, content)), quietly);
    expect([train.count, val.count, test.count]).toEqual([80, 1, 0]);
    expect([...train.images.subarray(79 * 2304)]).toEqual(image(79));
    expect([...train.labels.subarray(77)]).toEqual([0, 1, 2]);
    expect([...val.images]).toEqual(image(2));
  });

  it('refuses a gzip file that ends too early', async () => {
    const whole = gzipSync(TEXT);
    const file = await folder.write('fer2013.csv.gz', whole.subarray(0, whole.length - 20));
    const reading = readFer2013(at(file), quietly);
    await expect(reading).rejects.toMatchObject({ name: 'UserError' });
    await expect(reading).rejects.toThrow(
      /fer2013\.csv\.gz, line \d+ of what could be unpacked: the gzip file ends too early/,
    );
  });

  it('refuses a gzip file that is damaged', async () => {
    const damaged = gzipSync(TEXT);
    damaged.fill(0x55, 400, 500);
    const file = await folder.write('fer2013.csv.gz', damaged);
    const reading = readFer2013(at(file), quietly);
    await expect(reading).rejects.toMatchObject({ name: 'UserError' });
    await expect(reading).rejects.toThrow(
      /fer2013\.csv\.gz, line \d+ of what could be unpacked: the gzip file is damaged/,
    );
  });

  it('refuses a gzip file whose checksum does not match', async () => {
    const damaged = gzipSync(TEXT);
    damaged[damaged.length - 8]! ^= 1;
    const file = await folder.write('fer2013.csv.gz', damaged);
    await expect(readFer2013(at(file), quietly)).rejects.toThrow('the gzip file is damaged (incorrect data check)');
  });

  it('names the line of a fault within a gzip file', async () => {
    const file = await folder.write('f.gz', gzipSync(TEXT + row(9, 1)));
    await expect(readFer2013(at(file), quietly)).rejects.toThrow(`${file}, line 83: the emotion is 9`);
  });

  it('refuses an empty gzip file', async () => {
    const file = await folder.write('f.gz', gzipSync(''));
    await expect(readFer2013(at(file), quietly)).rejects.toThrow(`${file}: the file is empty`);
  });
});
