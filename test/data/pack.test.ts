import { createHash } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  badListOf,
  clearPacks,
  findPack,
  listPacks,
  packName,
  PackWriter,
  type PackName,
} from '../../src/data/cache.js';
import type { DataSet, SplitName } from '../../src/data/dataset.js';
import { fingerprintOf } from '../../src/data/fingerprint.js';
import { openPack, PackDamaged, type PackFile } from '../../src/data/pack.js';
import { ownName } from '../../src/util/processes.js';
import { failing } from './disk.js';
import { useTemporaryFolder } from './fixtures.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const FORM = { channels: 3, height: 2, width: 3 };
const BYTES = 18;
const NAMES = ['a.png', 'b.png', 'ü.png', 'd.png', 'e.png'];
const SPLITS: SplitName[] = ['train', 'train', 'val', 'test', 'train'];

function pixels(slot: number): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, i) => slot * 40 + i);
}

async function write(name: PackName, change = 0): Promise<void> {
  const writer = await PackWriter.create(name, FORM, NAMES.length);
  // Not in the order of slots, as workers finish.
  for (const slot of [3, 0, 4, 1]) {
    const image = pixels(slot + (slot === 0 ? change : 0));
    await writer.write(slot, image, [crc32(image)]);
  }
  const bad = [{ slot: 2, reason: 'the file is empty' }];
  await writer.finish({ ...FORM, names: NAMES, bad, labels: [0, 1, 1, 0, 2], splits: SPLITS });
}

async function readAll(pack: PackFile, slots: number[]): Promise<number[]> {
  const out = new Uint8Array(slots.length * BYTES);
  await pack.read(Uint32Array.from(slots), out);
  return [...out];
}

/** Whether a pack, read whole, gives back every byte. */
async function isSound(name: PackName): Promise<boolean> {
  const pack = await openPack(name.path, name.key);
  if (!pack) return false;
  try {
    const images = await readAll(pack, [0, 1, 3, 4]);
    return Buffer.from(images).equals(Buffer.concat([0, 1, 3, 4].map(pixels)));
  } catch {
    return false;
  } finally {
    await pack.close();
  }
}

describe('a pack', () => {
  const folder = useTemporaryFolder();
  const named = (state = 'state', form = 'form') => packName(join(folder.path(), 'deep', 'er'), '/data/x', state, form);

  it('gives back what was written, and leaves no other file', async () => {
    await write(named());
    const pack = (await findPack(named()))!;
    expect({ ...FORM, names: pack.names, labels: pack.labels, splits: pack.splits }).toEqual({
      ...FORM,
      names: NAMES,
      labels: [0, 1, 1, 0, 2],
      splits: SPLITS,
    });
    expect(pack.bad).toEqual([{ slot: 2, reason: 'the file is empty' }]);
    expect(await readAll(pack, [4, 0, 1, 0])).toEqual([4, 0, 1, 0].flatMap(slot => [...pixels(slot)]));
    await pack.close();
    expect(await readdir(join(folder.path(), 'deep', 'er'))).toHaveLength(1);
  });

  it('replaces another one', async () => {
    await write(named());
    await write(named(), 1);
    const pack = (await findPack(named()))!;
    expect(await readAll(pack, [0])).toEqual([...pixels(1)]);
    await pack.close();
  });

  it('is not there for another key, or when there is no file', async () => {
    expect(await openPack(named().path, 'key')).toBeUndefined();
    await write(named());
    expect(await openPack(named().path, 'other')).toBeUndefined();
  });

  it('is refused with any byte changed, cut anywhere, or with a byte more', async () => {
    const name = named();
    await write(name);
    const bytes = await readFile(name.path);
    const [hole, end] = [56 + 2 * BYTES, 56 + 3 * BYTES];
    for (let i = 0; i < bytes.length; i++) {
      const damaged = Buffer.from(bytes);
      damaged[i]! ^= 0x20;
      await writeFile(name.path, damaged);
      // The slot of the image that could not be decoded holds nothing.
      expect(await isSound(name), `byte ${i} changed`).toBe(i >= hole && i < end);
      await writeFile(name.path, bytes.subarray(0, i));
      expect(await isSound(name), `cut to ${i} bytes`).toBe(false);
    }
    await writeFile(name.path, Buffer.concat([bytes, Buffer.alloc(1)]));
    expect(await isSound(name)).toBe(false);
    await writeFile(name.path, bytes);
    expect(await isSound(name)).toBe(true);
  });

  it('is not left half-written when writing fails', async () => {
    const notAFolder = await folder.write('file', '');
    await expect(write(packName(notAFolder, '/data/x', '', ''))).rejects.toThrow();
    const writer = await PackWriter.create(named(), FORM, 5);
    await writer.write(0, pixels(0), [0]);
    await writer.abort();
    expect(await readdir(dirname(named().path))).toEqual([]);
  });
});

describe('the cache', () => {
  const folder = useTemporaryFolder();
  const named = (source: string, state: string, form: string) => packName(folder.path(), source, state, form);

  it('drops packs of earlier states of a source, and keeps those of other forms and sources', async () => {
    await write(named('/data/x', 'old', 'grey'));
    await write(named('/data/other', 'old', 'grey'));
    await write(named('/data/x', 'new', 'grey'));
    await write(named('/data/x', 'new', 'colour'));
    const left = (await listPacks(folder.path())).map(({ path }) => path);
    const expected = [
      named('/data/other', 'old', 'grey'),
      named('/data/x', 'new', 'grey'),
      named('/data/x', 'new', 'colour'),
    ];
    expect(left.sort()).toEqual(expected.map(({ path }) => path).sort());
  });

  it('is cleared of what dead processes left by whoever looks into it, and of nothing that a living one may write', async () => {
    const name = named('/data/x', '', '');
    await write(name);
    const { host, pid, start } = ownName();
    const here = host.replaceAll('.', ',');
    const [day, hour] = [24 * 60 * 60, 60 * 60].map(seconds => seconds * 1000) as [number, number];
    const earlier = '00000000-0000-0000-0000-000000000000';
    const left = [
      // Written this moment, by a process that is no more.
      [`a.pack.${here}.4194999.${start}.00000000.tmp`, 0],
      [`b.pack.elsewhere.1.0badb007-1.00000000.tmp`, -day - hour],
      // By a clock that goes wrong.
      [`c.pack.elsewhere.1.0badb007-1.00000000.tmp`, day + hour],
      [`d.pack.${pid}-${earlier}.tmp`, -day - hour],
    ] as const;
    const kept = [
      [`e.pack.${here}.${pid}.${start}.00000000.tmp`, -100 * day],
      // Another machine's clock may differ, and its disk let it wait.
      [`f.pack.elsewhere.1.0badb007-1.00000000.tmp`, -hour],
      [`g.pack.elsewhere.1.0badb007-1.00000000.tmp`, hour],
      [`h.pack.${pid}-${earlier}.tmp`, -hour],
      ['i.tmp', -100 * day],
    ] as const;
    for (const [file, age] of [...left, ...kept]) {
      const time = new Date(Date.now() + age);
      await utimes(await folder.write(file, 'x'), time, time);
    }
    await (await findPack(name))!.close();
    const expected = [basename(name.path), ...kept.map(([file]) => file)];
    expect((await readdir(folder.path())).sort()).toEqual(expected.sort());
  });

  it('is left without a file where there is no room to begin a pack', async () => {
    await failing('write', () => Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    await expect(write(named('/data/x', '', ''))).rejects.toThrow('no space left');
    expect(await readdir(folder.path())).toEqual([]);
  });

  it('gives away damage for whatever the disk says of a pack that it cannot read', async () => {
    const name = named('/data/x', '', '');
    await write(name);
    const pack = (await findPack(name))!;
    for (const code of ['EIO', 'EUCLEAN', 'EBADMSG']) {
      await failing('read', () => Object.assign(new Error(`${code}: read`), { code }));
      const reading = readAll(pack, [0]);
      await expect(reading).rejects.toThrow(PackDamaged);
      await expect(reading).rejects.toThrow(`${name.path}: ${code}: read`);
      vi.restoreAllMocks();
    }
    expect(await readAll(pack, [0])).toEqual([...pixels(0)]);
    await pack.close();
  });

  it('is cleared of packs and their lists, and of nothing else', async () => {
    await write(named('/data/x', '', ''));
    // Too many images of this pack were damaged, so that it was never finished.
    await writeFile(badListOf(named('/data/y', '', '').path), 'image,reason\n');
    await folder.write('note.txt', 'mine');
    const { packs, bytes } = await clearPacks(folder.path());
    expect(packs).toBe(1);
    expect(bytes).toBeGreaterThan(5 * BYTES);
    expect(await readdir(folder.path())).toEqual(['note.txt']);
  });
});

function smallDataSet(firstPixel = 0): DataSet {
  const split = (count: number, start: number) => ({
    count,
    images: Uint8Array.from({ length: count * BYTES }, (_, i) => start + i),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
  });
  const splits = { train: split(5, firstPixel), val: split(2, 100), test: split(0, 0) };
  const content = { classes: ['a', 'ü'], ...FORM, splits };
  return { name: 'small', ...content, fingerprint: fingerprintOf(content) };
}

describe('fingerprintOf', () => {
  it('is the SHA-256 of a description and all labels and images', () => {
    const { classes, splits, fingerprint } = smallDataSet();
    const hash = createHash('sha256');
    hash.update('{"classes":["a","ü"],"channels":3,"height":2,"width":3,"counts":[5,2,0]}');
    for (const { labels, images } of [splits.train, splits.val, splits.test]) hash.update(labels).update(images);
    expect(fingerprint).toBe(hash.digest('hex'));
    expect(classes).toHaveLength(2);
  });

  it('differs when a pixel, a label, a class, the form, a target or the labelling does', () => {
    const data = smallDataSet();
    const { train } = data.splits;
    const withTrain = (changed: Partial<typeof train>) => ({ ...data.splits, train: { ...train, ...changed } });
    const targets = new Float32Array(10).fill(0.5);
    const fingerprints = [
      data,
      { ...data, classes: ['a', 'b'] },
      { ...data, height: 3, width: 2 },
      { ...data, splits: withTrain({ images: train.images.with(3, 77) }) },
      { ...data, splits: withTrain({ labels: train.labels.with(0, 1) }) },
      { ...data, splits: withTrain({ targets }) },
      { ...data, splits: withTrain({ targets: targets.with(0, 0.25).with(1, 0.75) }) },
      { ...data, labelling: 'rule majority' },
      { ...data, drawsTargets: true },
    ].map(fingerprintOf);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });
});
