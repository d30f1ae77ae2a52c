import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFer2013Csv, writeImageFolder } from '../../src/data/convert.js';
import type { DataSet } from '../../src/data/dataset.js';
import { decodeImage } from '../../src/data/decode/image.js';
import { FER2013_CLASSES } from '../../src/data/fer2013/layout.js';
import { readFer2013 } from '../../src/data/fer2013/read.js';
import { useTemporaryFolder } from './fixtures.js';

function dataOf(channels: number, size: number, classes: readonly string[]): DataSet {
  const split = (count: number, seed: number) => ({
    count,
    labels: Uint8Array.from({ length: count }, (_, i) => (i + seed) % classes.length),
    images: Uint8Array.from({ length: count * channels * size * size }, (_, i) => (i * i * 13 + seed * 7 + i) % 256),
  });
  const splits = { train: split(12, 1), val: split(3, 2), test: split(0, 3) };
  return { name: 'x', classes, channels, height: size, width: size, splits, fingerprint: '' };
}

const quietly = (): void => undefined;

describe('writeFer2013Csv', () => {
  const folder = useTemporaryFolder();

  it('writes what the reader reads back to the byte', async () => {
    const data = dataOf(1, 48, FER2013_CLASSES);
    const path = join(folder.path(), 'deep', 'out.csv');
    await writeFer2013Csv(data, path, quietly);
    const found = await readFer2013({ kind: 'file', path }, quietly);
    for (const name of ['train', 'val', 'test'] as const) {
      const { count, labels, images } = found[name];
      expect({ count, labels, images }).toEqual(data.splits[name]);
    }
    await expect(writeFer2013Csv(data, path, quietly)).rejects.toThrow('exists already');
  });

  it.each([
    ['colour', dataOf(3, 48, FER2013_CLASSES), '--channels 1 --image-size 48'],
    ['another size', dataOf(1, 40, FER2013_CLASSES), 'the data are 40x40x1'],
    ['other classes', dataOf(1, 48, ['a', 'b']), '--map-labels fer2013'],
  ])('refuses %s, and writes nothing', async (_, data, message) => {
    await expect(writeFer2013Csv(data, join(folder.path(), 'out.csv'), quietly)).rejects.toThrow(message);
    expect(await readdir(folder.path())).toEqual([]);
  });
});

describe('writeImageFolder', () => {
  const folder = useTemporaryFolder();

  it.each([1, 3] as const)('writes PNG files that decode to the same pixels, %i channels', async channels => {
    const data = dataOf(channels, 8, ['a', 'b']);
    const out = join(folder.path(), 'out');
    await writeImageFolder(data, out, quietly);
    expect((await readdir(out)).sort()).toEqual(['train', 'val']);
    const { count, labels, images } = data.splits.train;
    for (let i = 0; i < count; i++) {
      const file = join(out, 'train', ['a', 'b'][labels[i]!]!, `${String(i).padStart(2, '0')}.png`);
      const pixels = await decodeImage(await readFile(file), 8, channels);
      expect([...pixels]).toEqual([...images.subarray(i * 64 * channels, (i + 1) * 64 * channels)]);
    }
    expect(await readdir(folder.path())).toEqual(['out']);
  });

  it('refuses a class that cannot be a folder', async () => {
    const writing = writeImageFolder(dataOf(1, 8, ['a/b', 'c']), join(folder.path(), 'out'), quietly);
    await expect(writing).rejects.toThrow('the class "a/b" cannot be the name of a folder');
    expect(await readdir(folder.path())).toEqual([]);
  });
});
