import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/util/random.js';
import { facegrad } from './facegrad.js';

let folder: string;
const run = (line: string) =>
  facegrad(line.split(' '), { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });

interface Result {
  model: string;
  accuracy: number;
  loss: number;
  tta?: object;
  ensemble: {
    members: { run: string; weight: number; loss: number; accuracy: number }[];
    fit?: Record<string, number>;
  };
}
const evaluate = async (line: string) => {
  const { code, stdout, stderr } = await run(`eval ${line} --split test --resamples 100 --json`);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Result;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-ensemble-'));
  const random = new RandomStream(1, 0);
  const rows = Array.from({ length: 210 }, (_, i) => {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(200) + 8 * (i % 7));
    return `${i % 7},${pixels.join(' ')},${i < 140 ? 'Training' : i < 175 ? 'PublicTest' : 'PrivateTest'}\n`;
  });
  const text = `emotion,pixels,Usage\n${rows.join('')}`;
  await writeFile(join(folder, 'noise.csv'), text);
  await writeFile(join(folder, 'short.csv'), text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1));
  const train = 'train simple-mlp --epochs 2 --batch-size 16 --no-tensorboard';
  for (const [out, options] of [
    ['a', '--data noise.csv --seed 1'],
    ['b', '--data noise.csv --seed 2 --input-size 32 --mean 0.4 --std 0.2'],
    ['short', '--data short.csv'],
    ['three', '--data noise.csv --classes-keep angry,happy,sad'],
  ]) {
    const { code, stderr } = await run(`${train} ${options!} --out ${out!}`);
    expect(code, stderr).toBe(0);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

it('several runs are evaluated as one, each with its own size and normalisation', async () => {
  const [a, b] = [await evaluate('--run a'), await evaluate('--run b')];
  const both = await evaluate('--run a --run b');
  expect(both.model).toBe('ensemble of 2');
  expect(both.ensemble.members.map(({ run, weight, loss }) => ({ run, weight, loss }))).toEqual([
    { run: 'a', weight: 0.5, loss: a.loss },
    { run: 'b', weight: 0.5, loss: b.loss },
  ]);
  // -log is convex: the loss of the mean is below the mean of the losses, unless the members agree on everything.
  expect(both.loss).toBeLessThan((a.loss + b.loss) / 2);

  const fitted = await evaluate('--run a --run b --fit-weights');
  const weights = fitted.ensemble.members.map(({ weight }) => weight);
  expect(weights[0]! + weights[1]!).toBeCloseTo(1, 12);
  expect(fitted.ensemble.fit).toMatchObject({ split: 'val' });
  expect(fitted.ensemble.fit!['loss']).toBeLessThanOrEqual(fitted.ensemble.fit!['equalLoss']!);
});

it('says which views of the images were averaged', async () => {
  const [plain, flip] = [await evaluate('--run a'), await evaluate('--run a --tta flip')];
  expect(flip.tta).toEqual({ kind: 'flip' });
  expect(flip.loss).not.toBe(plain.loss);
  const { stdout } = await run('eval --run a --run b --fit-weights --tta ten-crop:40 --split test --resamples 100');
  expect(stdout).toContain('\nmean over ten crops of 40 pixels of each image\n');
  expect(stdout).toMatch(/^b +simple-mlp +[01]\.\d{4} +\d+\.\d\d % /m);
  expect(stdout).toContain('weights fitted on the val split: log loss');
});

it.each([
  ['other images', '--run a --run short --split test', 'the test splits of a and short differ'],
  ['other classes', '--run a --run three', 'three tells apart angry, happy, sad, a angry, disgust'],
  ['weights of one run', '--run a --fit-weights', '--fit-weights weighs several runs'],
  ['one normalisation for all', '--run a --run b --mean 0.5', 'bring their own normalisation'],
  ['views that do not exist', '--run a --tta flop', '--tta flop: give flip, ten-crop'],
  ['crops larger than images', '--run a --tta ten-crop:60', '--tta ten-crop:60: the images have 48x48 pixels'],
])('refuses %s', async (_what, line, text) => {
  const { code, stdout, stderr } = await run(`eval ${line}`);
  expect(stderr).toContain(text);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it('takes given data for all runs, whatever each was trained on', async () => {
  const both = await evaluate('--run a --run short --data noise.csv');
  expect(both.ensemble.members).toHaveLength(2);
  expect(JSON.parse(await readFile(join(folder, 'short', 'config.json'), 'utf8'))).toMatchObject({
    data: { test: 34 },
  });
});
