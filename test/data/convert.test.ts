import { promises } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { writeFer2013Csv, writeImageFolder } from '../../src/data/convert.js';
import type { DataSet } from '../../src/data/dataset.js';
import { decodeImage } from '../../src/data/decode/image.js';
import { FER2013_CLASSES } from '../../src/data/fer2013/layout.js';
import { readFer2013 } from '../../src/data/fer2013/read.js';
import { ownName } from '../../src/util/processes.js';
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

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

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

  it('puts every file and folder on disk before it gives them their name, and the names after', async () => {
    const log: string[] = [];
    const { open, rename } = promises;
    vi.spyOn(promises, 'open').mockImplementation(async (path, flags) => {
      const file = await open(path, flags);
      const sync = file.sync.bind(file);
      vi.spyOn(file, 'sync').mockImplementation(async () => {
        await sync();
        log.push(relative(folder.path(), String(path)));
      });
      return file;
    });
    vi.spyOn(promises, 'rename').mockImplementation(async (from, to) => {
      await rename(from, to);
      log.push('renamed');
    });
    syncBuiltinESMExports();
    await writeImageFolder(dataOf(1, 8, ['a', 'b']), join(folder.path(), 'new', 'deep', 'out'), quietly);
    const at = log.indexOf('renamed');
    const written = log.slice(0, at).map(path => path.replace(/^new.deep.out\.[^/\\]*\.tmp/, 'out'));
    const paths = await readdir(join(folder.path(), 'new', 'deep', 'out'), { recursive: true });
    expect(paths).toHaveLength(12 + 3 + 6);
    expect(written.sort()).toEqual(['out', ...paths.map(path => join('out', path))].sort());
    expect(log.slice(at + 1)).toEqual([join('new', 'deep'), 'new', '']);
  });

  it('writes nothing any more once it has failed, and leaves nothing', async () => {
    const { writeFile } = promises;
    let [begun, underWay] = [0, 0];
    vi.spyOn(promises, 'writeFile').mockImplementation(async (...args) => {
      if (begun++ === 0) throw new Error('no space left');
      underWay++;
      await setTimeout(50);
      await writeFile(...args).finally(() => underWay--);
    });
    syncBuiltinESMExports();
    const writing = writeImageFolder(dataOf(1, 8, ['a', 'b']), join(folder.path(), 'out'), quietly);
    await expect(writing).rejects.toThrow('no space left');
    expect(begun).toBeGreaterThan(1);
    expect(underWay).toBe(0);
    expect(await readdir(folder.path())).toEqual([]);
  });

  it('removes what a dead process left of the same place, and of no other', async () => {
    const { host, pid, start } = ownName();
    const [here, random] = [host.replaceAll('.', ','), '00000000'];
    const dead = `out.${here}.4194999.${start}.${random}.tmp`;
    const kept = [
      `other.${here}.4194999.${start}.${random}.tmp`,
      `out.elsewhere.4194999.${start}.${random}.tmp`,
      `out.${here}.${pid}.${start}.${random}.tmp`,
      'out.txt',
    ];
    for (const name of [dead, ...kept]) await mkdir(join(folder.path(), name, 'train', 'a'), { recursive: true });
    await folder.write(join(dead, 'train', 'a', '0.png'), 'x');
    // However the place is written.
    await writeImageFolder(dataOf(1, 8, ['a', 'b']), join(folder.path(), 'out', '/'), quietly);
    expect((await readdir(folder.path())).sort()).toEqual(['out', ...kept].sort());
  });

  it('refuses a class that cannot be a folder', async () => {
    const writing = writeImageFolder(dataOf(1, 8, ['a/b', 'c']), join(folder.path(), 'out'), quietly);
    await expect(writing).rejects.toThrow('the class "a/b" cannot be the name of a folder');
    expect(await readdir(folder.path())).toEqual([]);
  });
});
