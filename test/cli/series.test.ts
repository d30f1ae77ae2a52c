import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../../src/train/run.js';
import type { SeriesSummary } from '../../src/train/series/index.js';
import { RandomStream } from '../../src/util/random.js';
import { stateOf } from '../train/small-run.js';
import { facegrad, jsonLines, start } from './facegrad.js';

let folder: string;
const env = () => ({ cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const run = (line: string) => facegrad(line.split(' '), env());
const summaryIn = async (path: string, kind: string) =>
  JSON.parse(await readFile(join(folder, path, `${kind}.json`), 'utf8')) as SeriesSummary;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-series-'));
  const random = new RandomStream(1, 0);
  const rows = Array.from({ length: 210 }, (_, i) => {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
    return `${i % 7},${pixels.join(' ')},${i < 140 ? 'Training' : i < 175 ? 'PublicTest' : 'PrivateTest'}\n`;
  });
  await writeFile(join(folder, 'noise.csv'), `emotion,pixels,Usage\n${rows.join('')}`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('train --folds', () => {
  it('trains a run for each fold; stopped in the second it goes on, leaves the first alone and ends with the same bits', async () => {
    const options = 'train simple-mlp --data noise.csv --epochs 3 --batch-size 16 --folds 3 --json --no-tensorboard';
    const whole = await run(`${options} --out whole`);
    expect(whole.code, whole.stderr).toBe(0);

    const running = start(`${options} --out parts`.split(' '), env());
    await running.printed('"runFolder":"parts/fold-2"');
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect((await summaryIn('parts', 'folds')).runs.map(({ run }) => run)).toEqual(['fold-1']);
    const first = join(folder, 'parts', 'fold-1', 'summary.json');
    const { mtimeMs } = await stat(first);

    const rest = await run('train --resume parts --json');
    expect(rest.code, rest.stderr).toBe(0);
    expect((await stat(first)).mtimeMs).toBe(mtimeMs);
    for (const fold of ['fold-1', 'fold-2', 'fold-3']) {
      const [a, b] = await Promise.all(
        ['whole', 'parts'].map(name => stateOf(join(folder, name, fold, 'last.safetensors'))),
      );
      expect(b).toEqual(a);
    }

    // Sums up what the runs' own summaries say.
    const series = await summaryIn('parts', 'folds');
    const summaries = await Promise.all(
      [1, 2, 3].map(async i => (await (await RunFolder.open(join(folder, 'parts', `fold-${i}`))).readSummary())!),
    );
    const values = summaries.map(({ testAccuracy }) => testAccuracy!);
    const mean = (values[0]! + values[1]! + values[2]!) / 3;
    const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2);
    const { testAccuracy } = series.statistics;
    expect(Object.keys(testAccuracy!)).toEqual(['count', 'mean', 'std']);
    expect(testAccuracy!.mean).toBeCloseTo(mean, 14);
    expect(testAccuracy!.std).toBeCloseTo(std, 14);
    expect(jsonLines(rest.stdout).at(-1)).toEqual({ event: 'folds', ...series });
    expect(await readFile(join(folder, 'parts', 'folds.md'), 'utf8')).toMatch(/^\| fold-3 \| 3 \| \d/m);

    // All images but those for tests are held once.
    const configs = await Promise.all([1, 2, 3].map(i => RunFolder.open(join(folder, 'parts', `fold-${i}`))));
    expect(configs.map(({ config }) => config.options.fold)).toEqual([1, 2, 3].map(index => ({ index, of: 3 })));
    expect(configs.map(({ config }) => config.data.val).sort()).toEqual([58, 58, 59]);
    expect(configs.every(({ config }) => config.data.test === 35)).toBe(true);
  });

  it('a finished series is shown again; a fold repeats from its recipe and is evaluated on its own images', async () => {
    const again = await run('train --resume parts');
    expect(again.stderr).toContain('all 3 runs in parts have finished');
    expect(again.stdout).toMatch(/^mean ± std( +\d+\.\d+ ± \d+\.\d+){4}$/m);

    const repeated = await run('train --recipe parts/fold-2/recipe.yaml --out repeated --json --no-tensorboard');
    expect(repeated.code, repeated.stderr).toBe(0);
    expect(await stateOf(join(folder, 'repeated', 'last.safetensors'))).toEqual(
      await stateOf(join(folder, 'parts', 'fold-2', 'last.safetensors')),
    );
    const evaluated = await run('eval --run repeated --json');
    const { accuracy, count } = JSON.parse(evaluated.stdout) as { accuracy: number; count: number };
    const { bestValAccuracy } = (await (await RunFolder.open(join(folder, 'repeated'))).readSummary())!;
    expect(count).toBe(58);
    expect(accuracy).toBeCloseTo(bestValAccuracy!, 12);
  });
});

describe('train --repeats', () => {
  it('trains from seed on, with the interval of the mean', async () => {
    const { code, stdout, stderr } = await run(
      'train simple-mlp --data noise.csv --epochs 1 --seed 5 --repeats 3 --out repeats --no-tensorboard',
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^95 % of mean( +-?\d+\.\d+ to \d+\.\d+){4}$/m);
    expect((await readdir(join(folder, 'repeats'))).sort()).toEqual([
      ...['repeats.json', 'repeats.md', 'seed-5', 'seed-6', 'seed-7'],
    ]);
    const { bestValLoss } = (await summaryIn('repeats', 'repeats')).statistics;
    // 4.302653: the quantile of Student's t with two degrees of freedom.
    const half = (4.302653 * bestValLoss!.std!) / Math.sqrt(3);
    expect(bestValLoss!.interval![1]).toBeCloseTo(bestValLoss!.mean + half, 6);
  });
});

it.each([
  ['both', 'train simple-mlp --data noise.csv --folds 2 --repeats 2', '--folds and --repeats are two series'],
  ['a folder with a series', 'train simple-mlp --data noise.csv --folds 2 --out parts', 'holds folds already'],
  ['a folder with a run', 'train simple-mlp --data noise.csv --folds 2 --out repeated', 'holds a run'],
  ['a checkpoint of a series', 'train --resume parts --from epoch-0001', 'go back in one of them'],
  ['other options for a series', 'train --resume parts --epochs 9', 'keep their options'],
  ['other data for a series', 'train --resume half --data other.csv', 'is not what the folds in half were begun with'],
  ['folds of a fold', 'train --recipe parts/fold-2/recipe.yaml --folds 2', 'is fold 2 of 3 already'],
])('refuses %s', async (_what, line, text) => {
  if (line.includes('half')) {
    const file = join(folder, 'half', 'folds.json');
    await mkdir(join(folder, 'half'));
    await copyFile(join(folder, 'parts', 'folds.json'), file);
    const csv = await readFile(join(folder, 'noise.csv'), 'utf8');
    await writeFile(join(folder, 'other.csv'), csv.replace('\n0,', '\n1,'));
  }
  const { code, stdout, stderr } = await run(line);
  expect(stderr).toContain(text);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});
