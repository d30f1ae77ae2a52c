import { promises, readdirSync, rmSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LoadOptions } from '../../src/data/load.js';
import type { ImageCount } from '../../src/data/options.js';
import { failing } from './disk.js';
import { equalizedByRank } from './equalized.js';
import { csv, row, useTemporaryFolder } from './fixtures.js';
import { greys, plain, tarOf, writeFiles, zipOf, type Files } from './files.js';

// The compiled loader: its workers are files of their own, which Node must be able to run.
const compiled = new URL('../../dist/data/load.js', import.meta.url).href;
const { loadDataSet } = (await import(compiled)) as typeof import('../../src/data/load.js');

/** Ten images of each of two classes; image i has the value i. */
const NAMES = ['cat', 'dog'].flatMap(name => Array.from({ length: 10 }, (_, i) => `${name}/${i}.png`));

describe('loadDataSet, of images', () => {
  const folder = useTemporaryFolder();
  const cache = () => join(folder.path(), 'cache', 'data');

  async function load(source: string, options: LoadOptions = {}) {
    const warnings: string[] = [];
    let outcome = '';
    const data = await loadDataSet(source, {
      cacheFolder: join(folder.path(), 'cache'),
      onProgress: (_, text) => (outcome = text),
      onWarning: text => warnings.push(text),
      ...options,
    });
    return { data, warnings, outcome };
  }

  const write = (files: Files, name = 'pets') => writeFiles(join(folder.path(), name), files);

  it('packs a folder in grey at its own size, splits it, and takes it from the cache', async () => {
    const source = await write(await greys(NAMES));
    const first = await load(source);
    const { data } = first;
    expect([data.name, data.channels, data.height, data.width]).toEqual(['pets', 1, 8, 8]);
    expect([data.classes, data.labelling]).toEqual([['cat', 'dog'], 'splits 64/16/20 drawn with seed 0']);
    expect(['train', 'val', 'test'].map(name => data.splits[name as 'train'].count)).toEqual([12, 4, 4]);
    for (const { count, images, labels, names } of Object.values(data.splits)) {
      for (let i = 0; i < count; i++) {
        const value = NAMES.indexOf(names![i]!);
        expect(new Set(images.subarray(i * 64, (i + 1) * 64))).toEqual(new Set([value]));
        expect(labels[i]).toBe(value < 10 ? 0 : 1);
      }
    }
    expect(first.outcome).toBe('read 20 images');
    const again = await load(source);
    expect(again.outcome).toBe('read 20 images from the cache');
    expect(again.data.fingerprint).toBe(data.fingerprint);
    // Another subset comes out of the same pack; another size does not.
    expect((await load(source, { perClass: 5, split: [1, 1, 0] })).outcome).toBe('read 10 images from the cache');
    expect(await readdir(cache())).toHaveLength(1);
    const small = await load(source, { imageSize: 4, channels: 3 });
    expect([small.outcome, small.data.width, small.data.channels]).toEqual(['read 20 images', 4, 3]);
    expect(await readdir(cache())).toHaveLength(2);
    // A file that changes makes both packs useless.
    await writeFile(join(source, 'cat/3.png'), await plain(200, 9));
    expect((await load(source)).outcome).toBe('read 20 images');
    expect(await readdir(cache())).toHaveLength(1);
  });

  it.each([
    ['grey', 1],
    ['colour', 3],
  ] as const)('equalises %s images in the size in which they are packed, in a pack of its own', async (_, channels) => {
    // A gradient in few of the greys, in another part of them for each channel.
    const side = 40;
    const pixels = Buffer.from(
      Array.from({ length: side * side * channels }, (_, i) => 60 * (i % channels) + Math.floor(i / channels / side)),
    );
    const picture = sharp(pixels, { raw: { width: side, height: side, channels } });
    const png = await (channels === 1 ? picture.toColourspace('b-w') : picture).png().toBuffer();
    const files: Files = { 'cat/bad.png': 'no image' };
    for (const name of NAMES) files[name] = png;
    const source = await write(files);
    const options = { maxBad: 10, imageSize: 32 };
    const plain = await load(source, options);
    const first = await load(source, { ...options, equalize: true });
    expect(first.outcome).toBe('read 20 images');
    expect(await readdir(cache()).then(names => names.filter(name => name.endsWith('.pack')))).toHaveLength(2);
    const image = ({ data }: typeof plain) => [...data.splits.test.images.slice(0, 32 * 32 * channels)];
    expect(image(first)).toEqual(equalizedByRank(image(plain), channels));
    expect(Math.max(...image(first))).toBe(255);
    expect(first.data.labelling).toBe('splits 64/16/20 drawn with seed 0; histograms equalised');
    expect(first.data.fingerprint).not.toBe(plain.data.fingerprint);
    const again = await load(source, { ...options, equalize: true });
    expect([again.outcome, again.data.fingerprint]).toEqual(['read 20 images from the cache', first.data.fingerprint]);
  });

  it('tells how many images are packed, out of a folder and out of an archive', async () => {
    const files = { ...(await greys(NAMES)), 'cat/bad.png': 'no image' };
    for (const source of [await write(files), await folder.write('pets.tgz', gzipSync(await tarOf(files)))]) {
      const told: [number, string, ImageCount | undefined][] = [];
      await load(source, { maxBad: 10, onProgress: (...[done, text, images]) => told.push([done, text, images]) });
      const packing = told.filter(([, text]) => text === 'packing images');
      expect(packing[0]).toEqual([0, 'packing images', { done: 0, total: 21 }]);
      expect(packing.at(-1)).toEqual([1, 'packing images', { done: 21, total: 21 }]);
      for (const [fraction, , images] of packing) expect(fraction).toBe(images!.done / 21);
      // What is not counted is not made up.
      for (const [, text, images] of told) if (text !== 'packing images') expect(images).toBeUndefined();
    }
  });

  it('reads the same data from a folder, a zip and a tar.gz archive', async () => {
    const files = await greys(NAMES);
    const wrapped = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`pets/${name}`, bytes]));
    const sources = [
      await write(files),
      await folder.write('pets.zip', zipOf(wrapped)),
      await folder.write('pets.tar.gz', gzipSync(await tarOf(wrapped))),
    ];
    const fingerprints = [];
    for (const source of sources) {
      fingerprints.push((await load(source)).data.fingerprint);
      expect((await load(source)).outcome).toBe('read 20 images from the cache');
    }
    expect(new Set(fingerprints).size).toBe(1);
  });

  it("reads FER-2013's CSV file out of an archive", async () => {
    const text = csv([row(3, 1), row(6, 2, 'PublicTest'), row(0, 3, 'PrivateTest'), row(5, 4)]);
    const zip = await load(await folder.write('a.zip', zipOf({ 'fer2013/fer2013.csv': text, 'fer2013/README': 'x' })));
    const tar = await load(await folder.write('a.tar.gz', gzipSync(await tarOf({ 'fer2013/fer2013.csv': text }))));
    expect(zip.data.name).toBe('FER-2013');
    expect(zip.data.splits.train.names).toEqual(['line 2', 'line 5']);
    expect(tar.data.fingerprint).toBe(zip.data.fingerprint);
    const colour = await load(await folder.write('fer2013.csv', text), { channels: 3 });
    expect(colour.data.channels).toBe(3);
    const grey = zip.data.splits.train.images;
    expect([...colour.data.splits.train.images]).toEqual([...grey].flatMap(value => [value, value, value]));
    expect(colour.warnings[0]).toBe('FER-2013: no training image is labelled angry, disgust, fear, sad, neutral');
  });

  it('leaves damaged images out, lists them, and says so each time', async () => {
    const source = await write({ ...(await greys(NAMES)), 'cat/bad.png': 'no image', 'dog/empty.jpg': '' });
    const options = { maxBad: 10 };
    for (const outcome of ['read 20 images', 'read 20 images from the cache']) {
      const loaded = await load(source, options);
      expect(loaded.outcome).toBe(outcome);
      expect(loaded.warnings[0]).toMatch(
        /^2 of 22 images cannot be used and are left out; .*left-out\.csv lists them:\n {2}cat\/bad\.png: not an image file\n {2}dog\/empty\.jpg: the file is empty$/,
      );
    }
    const list = (await readdir(cache())).find(name => name.endsWith('.left-out.csv'))!;
    expect(await readFile(join(cache(), list), 'utf8')).toBe(
      'image,reason\ncat/bad.png,not an image file\ndog/empty.jpg,the file is empty\n',
    );
  });

  it('stops where too many are damaged, and leaves no pack', async () => {
    const source = await write({ ...(await greys(NAMES)), 'cat/bad.png': 'no image' });
    const loading = load(source);
    await expect(loading).rejects.toThrow(
      /^1 of 21 images \(4\.8 %\) cannot be used, more than --max-bad 1 %; .*lists/,
    );
    await expect(loading).rejects.toMatchObject({ name: 'UserError' });
    expect((await readdir(cache())).map(name => name.replace(/^.*\.left-out/, ''))).toEqual(['.csv']);
  });

  it('counts files that a list names and that are not there', async () => {
    const files = await greys(NAMES);
    const lines = [...NAMES, 'cat/none.png', 'cat/0.png'].map(name => `${name},${name.split('/')[0]!}\n`);
    const source = await write({ ...files, 'list.csv': `image,label\n${lines.join('')}` });
    const { data, warnings } = await load(join(source, 'list.csv'), { maxBad: 50 });
    expect(warnings[0]).toContain('1 of 21 images cannot be used');
    expect(warnings[0]).toContain('cat/none.png: there is no such file');
    // Named twice, there twice.
    const names = Object.values(data.splits).flatMap(({ names }) => names!);
    expect(names.filter(name => name === 'cat/0.png')).toHaveLength(2);
    expect(names).toHaveLength(21);
  });

  it('makes a damaged pack anew', async () => {
    const source = await write(await greys(NAMES));
    const { data } = await load(source);
    const pack = join(cache(), (await readdir(cache()))[0]!);
    const bytes = await readFile(pack);
    bytes[100]! ^= 1;
    await writeFile(pack, bytes);
    const again = await load(source);
    expect(again.outcome).toBe('read 20 images');
    expect(again.data.fingerprint).toBe(data.fingerprint);
  });

  describe('on a disk that fails', () => {
    /** Where the pack's 20 images of 64 bytes begin, and where they end. */
    const [first, end] = [56, 56 + 20 * 64];
    const isOfImages = (position: number) => position >= first && position < end;
    const fault = (code: string) => Object.assign(new Error(`${code}: bad luck`), { code });

    afterEach(() => {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    });

    it.each([
      ['images are written', 'write', (position: number) => position === first],
      ['its end is written', 'write', (position: number) => position === end],
      ['it is synced', 'sync', () => true],
    ] as const)('goes on without a pack when the disk is full while %s', async (_, operation, isHit) => {
      const files = { ...(await greys(NAMES.slice(0, 19))), 'cat/bad.png': 'no image' };
      const sources = [
        await write(files),
        await folder.write('pets.zip', zipOf(files)),
        await folder.write('pets.tar.gz', gzipSync(await tarOf(files))),
      ];
      for (const source of sources) {
        await failing(operation, (_, position) => (isHit(position) ? fault('ENOSPC') : undefined));
        const { data, outcome, warnings } = await load(source, { maxBad: 10 });
        expect(outcome).toBe('read 19 images; not cached: ENOSPC: bad luck');
        expect(warnings.map(text => text.replace(/ .*/s, ''))).toEqual(['1']);
        expect((await readdir(cache())).filter(name => !name.endsWith('.left-out.csv'))).toEqual([]);
        vi.restoreAllMocks();
        const again = await load(source, { maxBad: 10 });
        expect(again.outcome).toBe('read 19 images');
        expect(again.data.fingerprint).toBe(data.fingerprint);
        await rm(cache(), { recursive: true });
      }
    });

    it('ends when the disk is full where a pack is all that is wanted', async () => {
      const source = await write(await greys(NAMES));
      await failing('write', (_, position) => (position === first ? fault('ENOSPC') : undefined));
      const loading = load(source, { mustCache: true });
      await expect(loading).rejects.toThrow('the data cannot be kept in the cache: ENOSPC: bad luck');
      await expect(loading).rejects.toMatchObject({ name: 'Error' });
      expect(await readdir(cache())).toEqual([]);
    });

    it('goes on without a pack when somebody removes what is being written', async () => {
      const source = await write(await greys(NAMES));
      let outcome = '';
      const onProgress = (_: number, text: string, images?: ImageCount) => {
        outcome = text;
        if (images?.done !== 20) return;
        for (const name of readdirSync(cache())) rmSync(join(cache(), name));
      };
      const { data } = await load(source, { onProgress });
      expect(outcome).toMatch(/^read 20 images; not cached: ENOENT: .*rename/);
      expect(await readdir(cache())).toEqual([]);
      expect((await load(source)).data.fingerprint).toBe(data.fingerprint);
    });

    it('leaves a damaged pack where it cannot be removed, and says so', async () => {
      const source = await write(await greys(NAMES));
      const { data } = await load(source);
      const pack = join(cache(), (await readdir(cache()))[0]!);
      const bytes = await readFile(pack);
      bytes[first]! ^= 1;
      await writeFile(pack, bytes);
      vi.spyOn(promises, 'rm').mockRejectedValue(fault('EROFS'));
      syncBuiltinESMExports();
      const again = await load(source);
      expect(again.outcome).toBe(
        `read 20 images; not cached: ${pack} is damaged and cannot be removed: EROFS: bad luck`,
      );
      expect(again.data.fingerprint).toBe(data.fingerprint);
      expect(await readFile(pack)).toEqual(bytes);
      expect(await readdir(cache())).toHaveLength(1);
    });

    it.each([
      ['makes a pack anew that cannot be read', 1, /^read 20 images$/, 1],
      ['does without where the new pack cannot be read either', 2, /^read 20 images; not cached: .*EIO: bad luck$/, 0],
    ] as const)('%s', async (_, times, expected, packs) => {
      const source = await write(await greys(NAMES));
      const { data } = await load(source);
      let left = times;
      await failing('read', (_, position) => (isOfImages(position) && left-- > 0 ? fault('EIO') : undefined));
      const again = await load(source);
      expect(again.outcome).toMatch(expected);
      expect(again.data.fingerprint).toBe(data.fingerprint);
      expect(await readdir(cache())).toHaveLength(packs);
    });
  });

  it('loads although nothing can be cached, and says so', async () => {
    const source = await write(await greys(NAMES));
    const cached = await load(source);
    const { data, outcome } = await load(source, { cacheFolder: await folder.write('file', '') });
    expect(outcome).toMatch(/^read 20 images; not cached: ENOTDIR/);
    expect(data.fingerprint).toBe(cached.data.fingerprint);
  });

  it('takes RAF-DB in colour, and draws its validation split', async () => {
    const files: Files = {};
    for (let id = 1; id <= 7; id++) {
      for (let i = 0; i < 5; i++) files[`DATASET/train/${id}/train_${id}${i}_aligned.jpg`] = await jpeg(id);
      files[`DATASET/test/${id}/test_${id}_aligned.jpg`] = await jpeg(id);
    }
    const { data } = await load(await write(files), { mapLabels: 'fer2013' });
    expect(data.labelling).toBe(
      'labels of the folder; mapped to fer2013; 20 % of training drawn for validation with seed 0',
    );
    expect([data.splits.train.count, data.splits.val.count, data.splits.test.count]).toEqual([28, 7, 7]);
    expect(data.channels).toBe(3);
    // surprise is FER-2013's 5
    const surprise = data.splits.test.names!.indexOf('DATASET/test/1/test_1_aligned.jpg');
    expect(data.splits.test.labels[surprise]).toBe(5);
    const kept = await load(join(folder.path(), 'pets'), { classesKeep: ['fear', 'anger'] });
    expect(kept.data.classes).toEqual(['fear', 'anger']);
    expect(kept.data.splits.test.count).toBe(2);
  });

  it.each([
    ['an option of another format', { labelRule: 'majority' }, '--label-rule means nothing for image-folder'],
    ['a class that is not there', { classesKeep: ['cat', 'cow'] }, '--classes-keep: there is no class cow'],
    ['a bound on a list that there is none of', { minRelfcs: 1 }, '--min-relfcs means nothing for image-folder'],
  ] as [string, LoadOptions, string][])('refuses %s', async (_, options, message) => {
    await expect(load(await write(await greys(NAMES)), options)).rejects.toThrow(message);
  });

  it('refuses a class without images, and takes it where it is left out', async () => {
    const source = await write(await greys([...NAMES, 'cow/note.txt']));
    await expect(load(source)).rejects.toThrow('pets: no training image is labelled cow; leave such a class out with');
    expect((await load(source, { classesKeep: ['cat', 'dog'] })).data.classes).toEqual(['cat', 'dog']);
  });

  it('refuses layouts of synthetic faces', async () => {
    await expect(load('synthetic', { dataset: 'raf-db' })).rejects.toThrow('--dataset means nothing for synthetic');
  });

  async function jpeg(value: number): Promise<Buffer> {
    const background = { r: value * 30, g: 100, b: 255 - value * 30 };
    return sharp({ create: { width: 10, height: 10, channels: 3, background } })
      .jpeg()
      .toBuffer();
  }

  it('warns where counts are those of another data set', async () => {
    // 28,709 empty names would take long to write; the counts of RAF-DB's test split are enough.
    const image = await plain(1, 2);
    const counts = [329, 74, 160, 1185, 478, 162, 680];
    const files: Files = {};
    counts.forEach((count, id) => {
      for (let i = 0; i < count; i++) files[`class${id}/${i}.png`] = image;
    });
    const source = await folder.write('unknown.zip', zipOf(files));
    const { warnings } = await load(source);
    expect(warnings).toEqual([
      expect.stringContaining('its class counts are those of RAF-DB, its test split; check that its labels mean'),
    ]);
    await rm(source);
  });
});
