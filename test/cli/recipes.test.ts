import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../../src/train/run.js';
import { RandomStream } from '../../src/util/random.js';
import { stateOf } from '../train/small-run.js';
import { facegrad, jsonLines } from './facegrad.js';

let folder: string;
const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-recipes-'));
  const random = new RandomStream(1, 0);
  const rows = Array.from({ length: 98 }, (_, i) => {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
    return `${i % 7},${pixels.join(' ')},${i < 70 ? 'Training' : i < 84 ? 'PublicTest' : 'PrivateTest'}\n`;
  });
  await writeFile(join(folder, 'noise.csv'), `emotion,pixels,Usage\n${rows.join('')}`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('facegrad recipes', () => {
  it('lists them with model, data, epochs and what they reproduce', async () => {
    const { code, stdout } = await run('recipes');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^recipe +model +data +epochs +reproduces$/);
    expect(stdout).toMatch(/^system-b\/res-emotion-cnn +res-emotion-cnn +FER-2013 +30 +53\.41 % test accuracy/m);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(140);
    const [list] = jsonLines((await run('recipes', '--json')).stdout) as unknown as [{ name: string }[]];
    expect(list).toContainEqual({
      name: 'system-c/ferplus-cnn',
      about: expect.objectContaining({ data: 'FER+' }) as unknown,
      options: expect.objectContaining({ model: 'ferplus-cnn', batchSize: 32, labelRule: 'argmax10' }) as unknown,
    });
  });

  it('prints one as it is', async () => {
    const { stdout } = await run('recipes', 'vgg-fer');
    expect(stdout).toBe(await readFile(new URL('../../recipes/vgg-fer.yaml', import.meta.url), 'utf8'));
  });

  it('knows what a wrong name is near to', async () => {
    const { code, stderr } = await run('recipes', 'vgg-fear');
    expect(code).toBe(2);
    expect(stderr).toContain("no recipe is called 'vgg-fear': did you mean vgg-fer?");
  });
});

describe('train --recipe', () => {
  const recipe = [
    ...['--recipe', 'system-a/simple-mlp', '--set', 'training.batch-size=16', '--set', 'optimizer.lr=2e-3'],
    // Not the recipe's own, which is as long as the run, so that no run of fewer epochs begins like it.
    ...['--set', 'schedule.scheduler=plateau:metric=accuracy,patience=3'],
    ...['--set', 'training.early-stop=patience=12,metric=accuracy'],
  ];

  it('follows it, but for what is set or given; its resolved form repeats the run; and the run resumes', async () => {
    const { code, stderr } = await run('train', ...recipe, '--data', 'noise.csv', '--epochs', '3', '--out', 'whole');
    expect(code, stderr).toBe(0);
    const { options } = (await RunFolder.open(join(folder, 'whole'))).config;
    expect(options).toMatchObject({ model: 'simple-mlp', batchSize: 16, lr: 2e-3, epochs: 3, optimizer: 'adam' });
    expect(options).toMatchObject({
      earlyStop: 'patience=12,metric=accuracy',
      scheduler: expect.stringContaining('plateau') as unknown,
    });
    expect(options.augment).toEqual([{ 'horizontal-flip': { p: 0.5 } }]);
    expect((await readdir(join(folder, 'whole'))).sort()).toEqual([
      ...['best.safetensors', 'config.json', expect.stringMatching(/^events\.out\.tfevents\./) as unknown],
      ...['last.safetensors', 'metrics.csv', 'recipe.yaml', 'summary.json'],
    ]);

    const first = ['--epochs', '2', '--no-tensorboard', '--out', 'parts'];
    const again = await run('train', '--recipe', join('whole', 'recipe.yaml'), ...first);
    expect(again.code, again.stderr).toBe(0);
    expect((await readdir(join(folder, 'parts'))).filter(name => name.includes('tfevents'))).toEqual([]);
    const rest = await run('train', '--resume', 'parts', '--epochs', '3');
    expect(rest.code, rest.stderr).toBe(0);
    const parts = (await RunFolder.open(join(folder, 'parts'))).config;
    expect(parts.options).toEqual(options);
    expect(await stateOf(join(folder, 'parts', 'last.safetensors'))).toEqual(
      await stateOf(join(folder, 'whole', 'last.safetensors')),
    );
  });

  it.each([
    ['an unknown name', '--recipe system-a/mini --data noise.csv', "no recipe is called 'system-a/mini': did you mean"],
    [
      'an unknown field',
      '--recipe vgg-fer --set lr=1',
      '--set lr=1: a recipe has no field lr; did you mean optimizer.lr?',
    ],
    ['no recipe to set in', 'simple-mlp --data noise.csv --set optimizer.lr=1', 'name one with --recipe'],
    ['no data', '--recipe vgg-fer', 'train needs --data'],
    ['options that do not go together', '--recipe vgg-fer --data noise.csv --optimizer adam', '--momentum is of'],
    ['a recipe for a resumed run', '--resume whole --recipe vgg-fer', 'keeps its recipe'],
  ])('refuses %s', async (_what, line, text) => {
    const { code, stdout, stderr } = await run('train', ...line.split(' '));
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('says in which line a file is wrong', async () => {
    await writeFile(join(folder, 'mine.yaml'), 'model:\n  name: simple-mlp\noptimizer:\n  nam: sgd\n');
    const { code, stderr } = await run('train', '--recipe', 'mine.yaml', '--data', 'noise.csv');
    expect(stderr).toContain('mine.yaml, line 4: optimizer.nam: there is no such field; did you mean name?');
    expect(code).toBe(2);
  });

  it("does not replace somebody's recipe.yaml", async () => {
    const file = join(folder, 'own', 'recipe.yaml');
    await mkdir(join(folder, 'own'));
    await writeFile(file, 'model:\n  name: simple-mlp\n');
    const { code, stderr } = await run(
      ...['train', '--recipe', file, '--data', 'noise.csv', '--out', 'own', '--force'],
    );
    expect(stderr).toContain('is of no run');
    expect(code).toBe(2);
    expect(await readFile(file, 'utf8')).toBe('model:\n  name: simple-mlp\n');
  });
});
