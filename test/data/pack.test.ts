import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import { fingerprintOf } from '../../src/data/fingerprint.js';
import { readPack, writePack } from '../../src/data/pack.js';
import { useTemporaryFolder } from './fixtures.js';

function smallDataSet(firstPixel = 0): DataSet {
  const split = (count: number, start: number) => ({
    count,
    images: Uint8Array.from({ length: count * 2 * 3 * 3 }, (_, i) => start + i),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
  });
  const splits = { train: split(5, firstPixel), val: split(2, 100), test: split(0, 0) };
  const content = { classes: ['a', 'ü'], channels: 3, height: 2, width: 3, splits };
  return { name: 'small', ...content, fingerprint: fingerprintOf(content) };
}

describe('a pack', () => {
  const folder = useTemporaryFolder();

  it('gives back what was written, and leaves no other file', async () => {
    const path = join(folder.path(), 'deep', 'er', 'x.pack');
    await writePack(path, 'key', smallDataSet());
    expect(await readPack(path, 'key')).toEqual(smallDataSet());
    expect(await readdir(join(folder.path(), 'deep', 'er'))).toEqual(['x.pack']);
  });

  it('replaces another one', async () => {
    const path = join(folder.path(), 'x.pack');
    await writePack(path, 'key', smallDataSet());
    await writePack(path, 'key', smallDataSet(1));
    expect((await readPack(path, 'key'))?.fingerprint).toBe(smallDataSet(1).fingerprint);
  });

  it('is not there for another key, or when there is no file', async () => {
    const path = join(folder.path(), 'x.pack');
    expect(await readPack(path, 'key')).toBeUndefined();
    await writePack(path, 'key', smallDataSet());
    expect(await readPack(path, 'other')).toBeUndefined();
  });

  it('is refused with any byte changed, cut anywhere, or with a byte more', async () => {
    const path = join(folder.path(), 'x.pack');
    await writePack(path, 'key', smallDataSet());
    const bytes = await readFile(path);
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes);
      damaged[i]! ^= 0x20;
      await writeFile(path, damaged);
      expect(await readPack(path, 'key'), `byte ${i} changed`).toBeUndefined();
      await writeFile(path, bytes.subarray(0, i));
      expect(await readPack(path, 'key'), `cut to ${i} bytes`).toBeUndefined();
    }
    await writeFile(path, Buffer.concat([bytes, Buffer.alloc(1)]));
    expect(await readPack(path, 'key')).toBeUndefined();
    await writeFile(path, bytes);
    expect(await readPack(path, 'key')).toBeDefined();
  });

  it('is not left half-written when writing fails', async () => {
    const notAFolder = await folder.write('file', '');
    await expect(writePack(join(notAFolder, 'x.pack'), 'key', smallDataSet())).rejects.toThrow();
    // A folder in the place of the pack: everything but the renaming works.
    const path = join(folder.path(), 'taken');
    await writePack(join(path, 'inside'), 'key', smallDataSet());
    await expect(writePack(path, 'key', smallDataSet())).rejects.toThrow();
    expect((await readdir(folder.path())).sort()).toEqual(['file', 'taken']);
  });
});

describe('fingerprintOf', () => {
  it('is the SHA-256 of a description and all labels and images', () => {
    const { classes, splits, fingerprint } = smallDataSet();
    const hash = createHash('sha256');
    hash.update('{"classes":["a","ü"],"channels":3,"height":2,"width":3,"counts":[5,2,0]}');
    for (const { labels, images } of [splits.train, splits.val, splits.test]) hash.update(labels).update(images);
    expect(fingerprint).toBe(hash.digest('hex'));
    expect(classes).toHaveLength(2);
  });

  it('differs when a pixel, a label, a class or the form does', () => {
    const data = smallDataSet();
    const { train } = data.splits;
    const withTrain = (changed: Partial<typeof train>) => ({ ...data.splits, train: { ...train, ...changed } });
    const fingerprints = [
      data,
      { ...data, classes: ['a', 'b'] },
      { ...data, height: 3, width: 2 },
      { ...data, splits: withTrain({ images: train.images.with(3, 77) }) },
      { ...data, splits: withTrain({ labels: train.labels.with(0, 1) }) },
    ].map(fingerprintOf);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });
});
