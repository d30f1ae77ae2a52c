import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { RunFolder } from '../../src/train/run.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad, start } from './facegrad.js';

const KILLS = 20;
const options = [
  'simple-mlp',
  '--input-size',
  '16',
  '--batch-size',
  '8',
  '--seed',
  '7',
  '--optimizer',
  'adam',
  '--json',
];
const saving = ['--save-every-steps', '7', '--save-every-epochs', '2', '--keep', '2', '--no-autotune'];

let folder: string;
let data: string;

const env = () => ({ FACEGRAD_CACHE: join(folder, 'cache') });
const train = (epochs: number, out: string) => [
  'train',
  ...options,
  ...saving,
  '--data',
  data,
  '--epochs',
  String(epochs),
  '--out',
  out,
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-durable-'));
  data = join(folder, 'noise.csv');
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (let i = 0; i < 160; i++) {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
    const usage = i < 120 ? 'Training' : i < 140 ? 'PublicTest' : 'PrivateTest';
    lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
  }
  await writeFile(data, `${lines.join('\n')}\n`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What must not depend on how a run's sittings ended: every tensor, all metrics but times, and the test result. */
async function results(path: string) {
  const tensors = await Promise.all(
    ['best.safetensors', 'last.safetensors'].map(async name => {
      const { tensors } = decodeSafeTensors(await readFile(join(path, name)));
      return [...tensors].map(([key, { data }]) => [key, createHash('sha256').update(data).digest('hex')]);
    }),
  );
  const run = await RunFolder.open(path);
  const metrics = (await run.readMetrics()).map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
  const { bestEpoch, testAccuracy, testLoss, epochs } = (await run.readSummary())!;
  return { tensors, metrics, bestEpoch, testAccuracy, testLoss, epochs };
}

describe('kill -9', () => {
  it(`at ${KILLS} random moments leaves a run that ends with the same bits, and nothing lying about`, async () => {
    const whole = join(folder, 'whole');
    const epochs = 12;
    const begun = performance.now();
    const uninterrupted = await facegrad(train(epochs, whole), { env: env() });
    const duration = performance.now() - begun;
    expect(uninterrupted.code, uninterrupted.stderr).toBe(0);

    const out = join(folder, 'killed');
    const random = new RandomStream(20, 0);
    let kills = 0;
    let finished = 0;
    while (kills < KILLS) {
      const hasBegun = await RunFolder.open(out).then(
        () => true,
        () => false,
      );
      const running = start(hasBegun ? ['train', '--resume', out, '--json'] : train(epochs, out), { env: env() });
      const timer = setTimeout(() => running.process.kill('SIGKILL'), random.uniform() * duration);
      const { code, signal, stderr } = await running.ended;
      clearTimeout(timer);
      if (signal === 'SIGKILL') {
        kills++;
        continue;
      }
      expect(code, stderr).toBe(0);
      // It got to its end in time: once more from the beginning, so that there is something to kill.
      expect(await results(out)).toEqual(await results(whole));
      await rm(out, { recursive: true });
      finished++;
    }
    const hasBegun = (await readdir(folder)).includes('killed') && (await readdir(out)).includes('config.json');
    const last = await facegrad(hasBegun ? ['train', '--resume', out, '--json'] : train(epochs, out), { env: env() });
    expect(last.code, `after ${finished} ends: ${last.stderr}`).toBe(0);
    expect(await results(out)).toEqual(await results(whole));
    const names = await readdir(out, { recursive: true });
    expect(names.filter(name => name.includes('.tmp') || name.includes('.lock'))).toEqual([]);
    expect(names.filter(name => name.startsWith('checkpoints'))).toEqual(
      (await readdir(whole, { recursive: true })).filter(name => name.startsWith('checkpoints')),
    );
  }, 600_000);
});

describe('a run in use', () => {
  it('is refused to a second process; once the first was killed it is taken over', async () => {
    const out = join(folder, 'busy');
    const first = start(train(2000, out), { env: env() });
    await first.printed('"event":"epoch","epoch":1,');
    const second = await facegrad(['train', '--resume', out], { env: env() });
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`is in use: process ${first.process.pid!} trains in it`);
    first.process.kill('SIGKILL');
    await first.ended;
    const third = start(['train', '--resume', out, '--json'], { env: env() });
    await third.printed('"event":"epoch"');
    third.process.kill('SIGTERM');
    expect((await third.ended).code).toBe(143);
  });
});
