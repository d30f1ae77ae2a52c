import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { loadDataSet } from '../../../dist/data/load.js';
import { TuningCache } from '../../../src/train/tuning/cache.js';
import { RandomStream } from '../../../src/util/random.js';
import type { Running } from '../../cli/facegrad.js';
import { paths } from '../../devices.js';
import { damage } from '../damage.js';
import type { Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** A packed data set that is damaged between two times that it is read, and one whose packing is killed. */
async function dataRound(stand: Stand, { random, folder }: Round): Promise<Tally> {
  await damagedPack(stand, join(folder, 'damaged'), random);
  const kills = await killedPacking(stand, join(folder, 'killed'), random);
  return { faults: 1, kills };
}

async function damagedPack(stand: Stand, folder: string, random: RandomStream): Promise<void> {
  await withCache(folder, async () => {
    const first = await contentOf(stand.data);
    const packs = join(folder, 'data');
    const [pack] = (await readdir(packs)).filter(name => name.endsWith('.pack'));
    require(pack !== undefined, 'lost', () => 'the data were not packed');
    const whole = await digestOf(join(packs, pack));
    const how = await damage(join(packs, pack), random);
    require((await contentOf(stand.data)).digest === first.digest, 'different', () => `other images after ${how}`);
    require((await digestOf(join(packs, pack))) === whole, 'lost', () => `the pack was not made anew after ${how}`);
    const again = await contentOf(stand.data);
    require(again.cached, 'lost', () => `the new pack is not used after ${how}`);
    await requireOnePack(packs);
  });
}

/** How often a process may come to its end before it is killed. */
const ATTEMPTS = 50;
const POLL_MS = 2;

/** Kills a process at a random moment while it packs, and loads the data at once; gives how many kills that took. */
async function killedPacking(stand: Stand, folder: string, random: RandomStream): Promise<number> {
  const { source, digest, milliseconds } = await picturesOf(stand);
  const packs = join(folder, 'data');
  for (let kills = 1; kills <= ATTEMPTS; kills++) {
    await rm(folder, { recursive: true, force: true });
    const running = stand.start(packing(source), { env: { FACEGRAD_CACHE: folder } });
    await begun(running, packs);
    await setTimeout(random.uniform() * milliseconds);
    running.process.kill('SIGKILL');
    const { code, signal, stderr } = await running.ended;
    require(signal === 'SIGKILL' || code === 0, 'lost', () => `packing ended with ${String(code)}:\n${stderr}`);
    const left = await readdir(packs);
    // Between its renaming and its end it leaves a whole pack and nothing else.
    if (!left.some(name => name.endsWith('.tmp'))) continue;
    await withCache(folder, async () => {
      const next = await contentOf(source);
      require(!next.cached, 'different', () => 'a pack is used whose packing was killed');
      require(next.digest === digest, 'different', () => 'other images after packing was killed');
      await requireOnePack(packs);
      require((await contentOf(source)).cached, 'lost', () => 'the new pack is not used after packing was killed');
    });
    return kills;
  }
  throw new Error(`none of ${ATTEMPTS} kills came while a pack was written`);
}

interface Pictures {
  readonly source: string;
  readonly digest: string;
  /** From the moment at which the pack's file is there to the process's end, when nothing befalls it. */
  readonly milliseconds: number;
}

const pictures = new WeakMap<Stand, Promise<Pictures>>();

/** Image files of noise, so many that packing takes a while, made once. */
function picturesOf(stand: Stand): Promise<Pictures> {
  let made = pictures.get(stand);
  if (!made) pictures.set(stand, (made = makePictures(stand)));
  return made;
}

async function makePictures(stand: Stand): Promise<Pictures> {
  const source = await stand.emptyFolder('pictures');
  const random = new RandomStream(2, 0);
  const size = 64;
  for (const name of ['cat', 'dog']) {
    await mkdir(join(source, name));
    for (let i = 0; i < 300; i++) {
      const pixels = Uint8Array.from({ length: size * size }, () => random.integer(256));
      await sharp(pixels, { raw: { width: size, height: size, channels: 1 } }).toFile(join(source, name, `${i}.png`));
    }
  }
  const folder = await stand.emptyFolder('pictures-cache');
  const running = stand.start(packing(source), { env: { FACEGRAD_CACHE: folder } });
  await begun(running, join(folder, 'data'));
  const from = performance.now();
  const { code, stderr } = await running.ended;
  if (code !== 0) throw new Error(`packing that nothing befell ended with ${String(code)}:\n${stderr}`);
  const milliseconds = performance.now() - from;
  let digest = '';
  await withCache(folder, async () => {
    ({ digest } = await contentOf(source));
  });
  return { source, digest, milliseconds };
}

function packing(source: string): string[] {
  return ['data', 'convert', source, '--to', 'cache'];
}

/** Resolves when there is a file in the folder of packs, or the process has ended. */
async function begun({ process: child }: Running, packs: string): Promise<void> {
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  while (isRunning() && (await readdir(packs).catch(() => [])).length === 0) await setTimeout(POLL_MS);
}

async function requireOnePack(packs: string): Promise<void> {
  const names = await readdir(packs);
  require(names.length === 1 && names[0]!.endsWith('.pack'), 'untidy', () => `the cache holds ${names.join(', ')}`);
}

/** Choices of kernels that are damaged between two times that they are read. */
async function tuningRound(_: Stand, { random, folder }: Round): Promise<Tally> {
  await withCache(folder, async () => {
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
  });
  return { faults: 1 };
}

async function withCache(folder: string, fn: () => Promise<void>): Promise<void> {
  const before = process.env['FACEGRAD_CACHE'];
  process.env['FACEGRAD_CACHE'] = folder;
  try {
    await fn();
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
  promise:
    'a packed data set that is damaged anywhere, or whose packing was killed, is made anew from its source, the images are the ' +
    'same, and nothing else is left in the cache',
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
