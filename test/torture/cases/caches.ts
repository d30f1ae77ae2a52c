import { createHash } from 'node:crypto';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataSet } from '../../../dist/data/load.js';
import { TuningCache } from '../../../src/train/tuning/cache.js';
import { paths } from '../../devices.js';
import { damage } from '../damage.js';
import type { Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** A packed data set that is damaged between two times that it is read. */
async function dataRound(stand: Stand, { random, folder }: Round): Promise<Tally> {
  return withCache(folder, async () => {
    const first = await contentOf(stand.data);
    const packs = join(folder, 'data');
    const [pack] = (await readdir(packs)).filter(name => name.endsWith('.pack'));
    require(pack !== undefined, 'lost', () => 'the data were not packed');
    const whole = await digestOf(join(packs, pack));
    const how = await damage(join(packs, pack), random);
    // Of a process that was killed while it packed.
    const leftover = join(packs, `${pack}.4194999-00000000-0000-0000-0000-000000000000.tmp`);
    await writeFile(leftover, 'half');
    await utimes(leftover, 0, 0);
    require((await contentOf(stand.data)).digest === first.digest, 'different', () => `other images after ${how}`);
    require((await digestOf(join(packs, pack))) === whole, 'lost', () => `the pack was not made anew after ${how}`);
    const again = await contentOf(stand.data);
    require(again.cached, 'lost', () => `the new pack is not used after ${how}`);
    const names = await readdir(packs);
    require(names.length === 1, 'untidy', () => `the cache holds ${names.join(', ')}`);
    return { faults: 1 };
  });
}

/** Choices of kernels that are damaged between two times that they are read. */
async function tuningRound(_: Stand, { random, folder }: Round): Promise<Tally> {
  return withCache(folder, async () => {
    const device = await paths.native();
    const notes: string[] = [];
    const open = () => TuningCache.open(device, 'torture', text => notes.push(text));
    const choices = new Map([
      ['matmul 768x768x768', 'matmul:TILE=4'],
      ['conv2d 64x64x3', 'conv2d_portable:ROWS=2'],
    ]);
    const cache = await open();
    await cache.add(choices, { replace: true });
    const whole = await digestOf(cache.path);
    const how = await damage(cache.path, random);
    const { choices: found } = await open();
    // White space may be another, and the choices still the same.
    const harmless = JSON.stringify([...found]) === JSON.stringify([...choices]);
    require(found.size === 0 || harmless, 'different', () => `choices of a damaged file are taken: ${how}`);
    const said = notes.join().includes('it is made anew');
    require(said || harmless, 'unsaid', () => `nothing is said of a damaged file: ${how}`);
    await (await open()).add(choices, { replace: true });
    require((await digestOf(cache.path)) === whole, 'lost', () => 'the file was not made anew');
    const names = await readdir(join(folder, 'kernels'));
    require(names.length === 1, 'untidy', () => `the cache holds ${names.join(', ')}`);
    return { faults: 1 };
  });
}

async function withCache(folder: string, fn: () => Promise<Tally>): Promise<Tally> {
  const before = process.env['FACEGRAD_CACHE'];
  process.env['FACEGRAD_CACHE'] = folder;
  try {
    return await fn();
  } finally {
    if (before === undefined) delete process.env['FACEGRAD_CACHE'];
    else process.env['FACEGRAD_CACHE'] = before;
    await rm(folder, { recursive: true, force: true });
  }
}

async function contentOf(path: string): Promise<{ digest: string; cached: boolean }> {
  let said = '';
  const { splits, fingerprint } = await loadDataSet(path, { onProgress: (_, text) => (said = text) });
  const hash = createHash('sha256').update(fingerprint);
  for (const { images, labels } of Object.values(splits)) hash.update(images).update(labels);
  return { digest: hash.digest('hex'), cached: said.includes('from the cache') };
}

async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file).catch(() => ''))
    .digest('hex');
}

export const dataCache: TortureCase = {
  name: 'data-cache',
  promise: 'a packed data set that is damaged anywhere is made anew from its source, and the images are the same',
  faults: 'damaged files',
  ...{ short: 4, long: 200 },
  round: dataRound,
};

export const tuningCache: TortureCase = {
  name: 'tuning-cache',
  promise: 'choices of kernels in a file that is damaged are not taken, which is told, and the file is made anew',
  faults: 'damaged files',
  ...{ short: 8, long: 400 },
  round: tuningRound,
};
