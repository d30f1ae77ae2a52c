import { promises } from 'node:fs';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import type { LoadOptions } from '../../src/data/load.js';
import { drawFace } from '../../src/data/synthetic/dataset.js';
import { equalizedByRank } from './equalized.js';
import { csv, image, row, useTemporaryFolder } from './fixtures.js';

// The compiled loader: its worker is a file of its own, which Node must be able to run.
const compiled = new URL('../../dist/data/load.js', import.meta.url).href;
const { loadDataSet } = (await import(compiled)) as typeof import('../../src/data/load.js');

const ROWS = [row(3, 1), row(6, 2, 'PublicTest'), row(0, 3, 'PrivateTest'), row(5, 4)];

describe('loadDataSet', () => {
  const folder = useTemporaryFolder();
  const cacheFolder = (): string => join(folder.path(), 'cache');

  async function load(source: string, options: LoadOptions = {}): Promise<{ data: DataSet; outcome: string }> {
    let outcome = '';
    const onProgress = (_: number, text: string): void => {
      outcome = text;
    };
    const data = await loadDataSet(source, { cacheFolder: cacheFolder(), onProgress, ...options });
    return { data, outcome };
  }

  /** The cache's files; none where it was never made. */
  async function cached(): Promise<string[]> {
    return readdir(join(cacheFolder(), 'data')).catch(() => []);
  }

  it('reads a CSV file in a worker', async () => {
    const { data, outcome } = await load(await folder.write('fer2013.csv', csv(ROWS)));
    const { train, val, test } = data.splits;
    expect([data.channels, data.height, data.width]).toEqual([1, 48, 48]);
    expect(data.classes).toEqual(['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']);
    expect([...train.labels, ...val.labels, ...test.labels]).toEqual([3, 5, 6, 0]);
    expect([...train.images]).toEqual([...image(1), ...image(4)]);
    expect([...val.images]).toEqual(image(2));
    expect([...test.images]).toEqual(image(3));
    expect(outcome).toBe('read 4 images');
  });

  it('takes a second load from the cache, with the same contents', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    const first = await load(file);
    const second = await load(file);
    expect(second.outcome).toBe('read 4 images from the cache');
    expect(second.data.fingerprint).toBe(first.data.fingerprint);
    expect([...second.data.splits.train.images]).toEqual([...first.data.splits.train.images]);
    expect([...second.data.splits.test.labels]).toEqual([0]);
    expect(await cached()).toHaveLength(1);
  });

  it('equalises histograms when it packs, into a pack of its own', async () => {
    const dark = image(1).map(value => value >> 2);
    const file = await folder.write('fer2013.csv', csv([`3,${dark.join(' ')},Training`, ...ROWS]));
    const plain = await load(file);
    const first = await load(file, { equalize: true });
    expect(first.outcome).toBe('read 5 images');
    expect([...first.data.splits.train.images]).toEqual(
      [dark, image(1), image(4)].flatMap(pixels => equalizedByRank(pixels, 1)),
    );
    expect([...first.data.splits.test.images]).toEqual(equalizedByRank(image(3), 1));
    expect([plain.data.labelling, first.data.labelling]).toEqual([undefined, 'histograms equalised']);
    expect(first.data.fingerprint).not.toBe(plain.data.fingerprint);
    expect(await cached()).toHaveLength(2);
    const again = await load(file, { equalize: true });
    expect(again.outcome).toBe('read 5 images from the cache');
    expect(again.data.fingerprint).toBe(first.data.fingerprint);
    expect((await load(file)).data.fingerprint).toBe(plain.data.fingerprint);
    // In three channels each is the grey one.
    const colour = await load(file, { equalize: true, channels: 3 });
    expect(colour.outcome).toBe('read 5 images from the cache');
    expect([...colour.data.splits.train.images.slice(0, 3 * dark.length)]).toEqual(
      equalizedByRank(dark, 1).flatMap(value => [value, value, value]),
    );
  });

  it('equalises synthetic faces', async () => {
    const { data } = await load('synthetic', { equalize: true });
    const { count, images, labels } = data.splits.train;
    const last = new Uint8Array(2304);
    drawFace(0, count - 1, labels[count - 1]!, last);
    expect([...images.slice(-2304)]).toEqual(equalizedByRank([...last], 1));
    expect(data.labelling).toBe('histograms equalised');
  });

  it('gives a gzipped file the fingerprint of the plain one', async () => {
    const plain = await load(await folder.write('fer2013.csv', csv(ROWS)));
    const gzipped = await load(await folder.write('fer2013.csv.gz', gzipSync(csv(ROWS))));
    expect(gzipped.outcome).toBe('read 4 images');
    expect(gzipped.data.fingerprint).toBe(plain.data.fingerprint);
  });

  it('reads a file again when its time, its size or its head has changed', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    await utimes(file, 1000, 1000);
    await load(file);
    await utimes(file, 1000, 2000);
    expect((await load(file)).outcome).toBe('read 4 images');
    await writeFile(file, csv([...ROWS, row(1, 1)]));
    await utimes(file, 1000, 1000);
    expect((await load(file)).outcome).toBe('read 5 images');
    await writeFile(file, csv(ROWS).replace('3,31', '4,31'));
    await utimes(file, 1000, 1000);
    const { data, outcome } = await load(file);
    expect(outcome).toBe('read 4 images');
    expect(data.splits.train.labels[0]).toBe(4);
  });

  it('makes a damaged or foreign cache file anew', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    const { data } = await load(file);
    const pack = join(cacheFolder(), 'data', (await cached())[0]!);
    const whole = await readFile(pack);
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 1000]! ^= 1;
    for (const content of [damaged, whole.subarray(0, 5000), Buffer.from('something else'), Buffer.alloc(0)]) {
      await writeFile(pack, content);
      const again = await load(file);
      expect(again.outcome).toBe('read 4 images');
      expect(again.data.fingerprint).toBe(data.fingerprint);
      expect(Buffer.compare(await readFile(pack), whole)).toBe(0);
    }
  });

  it('leaves a damaged pack where it cannot be removed, and says so', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    const { data } = await load(file);
    const pack = join(cacheFolder(), 'data', (await cached())[0]!);
    const bytes = await readFile(pack);
    bytes[56]! ^= 1;
    await writeFile(pack, bytes);
    vi.spyOn(promises, 'rm').mockRejectedValue(new Error('EROFS: read-only'));
    syncBuiltinESMExports();
    try {
      const again = await load(file);
      const why = `${pack} is damaged and cannot be removed: EROFS: read-only`;
      expect(again.outcome).toBe(`read 4 images; not cached: ${why}`);
      expect(again.data.fingerprint).toBe(data.fingerprint);
      expect(await readFile(pack)).toEqual(bytes);
    } finally {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    }
  });

  it('loads although nothing can be cached, and says so', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    const { data, outcome } = await load(file, { cacheFolder: file });
    expect(data.splits.train.count).toBe(2);
    expect(outcome).toMatch(/^read 4 images; not cached: ENOTDIR/);
  });

  it('refuses to load without a cache where that is all that is wanted', async () => {
    const file = await folder.write('fer2013.csv', csv(ROWS));
    const loading = load(file, { cacheFolder: file, mustCache: true });
    await expect(loading).rejects.toThrow(/^the data cannot be kept in the cache: ENOTDIR/);
    await expect(loading).rejects.toMatchObject({ name: 'UserError' });
  });

  it.each([
    ['a bad row', 'bad.csv', csv([...ROWS, row(8, 1)]), /bad\.csv, line 6: the emotion is 8/],
    [
      'a damaged gzip file',
      'bad.csv.gz',
      gzipSync(csv(ROWS)).subarray(0, -20),
      /bad\.csv\.gz, line \d+ of what could be/,
    ],
    ['no training rows', 'val.csv', csv([row(1, 1, 'PublicTest')]), /val\.csv: no row has the Usage Training/],
    ['an empty file', 'empty.csv', '', /empty\.csv: the file is empty/],
  ])('refuses %s, and caches nothing', async (_, name, content, message) => {
    const loading = load(await folder.write(name, content));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toMatchObject({ name: 'UserError' });
    expect(await cached()).toEqual([]);
  });

  it('says what it reads when there is no such file', async () => {
    const loading = load(join(folder.path(), 'none.csv'));
    await expect(loading).rejects.toThrow(/none\.csv: no such file or folder; facegrad reads .*'synthetic'/);
    await expect(loading).rejects.toMatchObject({ name: 'UserError' });
  });

  it('refuses what is no regular file', async () => {
    await expect(load('/dev/null')).rejects.toThrow('/dev/null: not a regular file');
  });

  describe('without a cache folder among the options', () => {
    let before: string | undefined;
    beforeEach(() => {
      before = process.env['FACEGRAD_CACHE'];
    });
    afterEach(() => {
      if (before === undefined) delete process.env['FACEGRAD_CACHE'];
      else process.env['FACEGRAD_CACHE'] = before;
    });

    it('caches where FACEGRAD_CACHE says', async () => {
      process.env['FACEGRAD_CACHE'] = join(folder.path(), 'elsewhere');
      const file = await folder.write('fer2013.csv', csv(ROWS));
      await loadDataSet(file);
      const [pack] = await readdir(join(folder.path(), 'elsewhere', 'data'));
      expect(pack).toMatch(/^fer2013\.csv(-[0-9a-f]{8}){3}\.pack$/);
      expect((await stat(join(folder.path(), 'elsewhere', 'data', pack!))).size).toBeGreaterThan(4 * 2304);
    });
  });

  it('draws faces for synthetic, and caches nothing', async () => {
    const { data, outcome } = await load('synthetic');
    expect(outcome).toBe('drew 9,000 images');
    expect(data.name).toBe('synthetic');
    expect(await cached()).toEqual([]);
    const { data: colour } = await load('synthetic', { channels: 3 });
    expect(colour.channels).toBe(3);
    expect(colour.splits.val.images.length).toBe(3 * data.splits.val.images.length);
  });

  it('refuses options of image files for synthetic faces and for a CSV file of pixels', async () => {
    await expect(load('synthetic', { imageSize: 24 })).rejects.toThrow('--image-size means nothing for synthetic');
    const file = await folder.write('fer2013.csv', csv(ROWS));
    await expect(load(file, { imageSize: 24 })).rejects.toThrow(
      '--image-size is of image files, and FER-2013 is a CSV',
    );
    await expect(load(file, { maxBad: 0 })).rejects.toThrow('--max-bad is of image files');
  });
});
