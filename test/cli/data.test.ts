import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classWeightsOption, samplerOption } from '../../src/cli/sampling-options.js';
import type { RunConfig } from '../../src/train/run.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad } from './facegrad.js';

/**
 * A FER-2013 CSV with one test image that stands in training too (once with another label), one image twice in training, one
 * near duplicate, one blank, and seven classes of noise: `shows` names the picture of each row.
 */
const rows = [
  ...Array.from({ length: 14 }, (_, i) => ({ shows: i, emotion: i % 7, usage: 'Training' })),
  { shows: 40, emotion: 3, usage: 'Training' },
  { shows: 40, emotion: 4, usage: 'Training' },
  { shows: 0, emotion: 0, usage: 'Training' },
  { shows: 'near 1', emotion: 1, usage: 'Training' },
  { shows: 'blank', emotion: 2, usage: 'Training' },
  ...Array.from({ length: 7 }, (_, i) => ({ shows: 20 + i, emotion: i, usage: 'PublicTest' })),
  { shows: 40, emotion: 3, usage: 'PrivateTest' },
  ...Array.from({ length: 7 }, (_, i) => ({ shows: 30 + i, emotion: i, usage: 'PrivateTest' })),
];

function pixels(shows: number | string): number[] {
  if (shows === 'blank') return new Array<number>(2304).fill(9);
  const [, of] = /^near (\d+)$/.exec(String(shows)) ?? [];
  const random = new RandomStream(Number(of ?? shows), 70);
  const image = Array.from({ length: 2304 }, () => random.integer(256));
  return of === undefined ? image : image.map(value => Math.round(value * 0.9) + 10);
}

let folder: string;
let data: string;
/** What `data audit --json` printed. */
let audit: Record<string, unknown>;
/** The list that it wrote. */
const list = join('audit', 'exclude.csv');

const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-data-cli-'));
  data = join(folder, 'faces.csv');
  const lines = rows.map(({ shows, emotion, usage }) => `${emotion},${pixels(shows).join(' ')},${usage}`);
  await writeFile(data, ['emotion,pixels,Usage', ...lines, ''].join('\n'));
  audit = await json('data', 'audit', data, '--out', 'audit');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('data audit', () => {
  it('counts what it finds, lists every finding, and writes a list that leaves one of each', async () => {
    const { summary, exclusions, files } = audit;
    expect(summary).toEqual({
      identical: {
        ...{ groups: 2, extra: 3, acrossSplits: 1, conflicts: 1 },
        ...{ valInTrain: 0, testInTrain: 1, testInVal: 0 },
      },
      near: { groups: 3, extra: 4, acrossSplits: 1, conflicts: 1, valInTrain: 0, testInTrain: 1, testInVal: 0 },
      blank: 1,
    });
    expect(exclusions).toBe(5);
    expect(files).toEqual({ findings: join('audit', 'findings.csv'), exclude: join('audit', 'exclude.csv') });
    expect((await readdir(join(folder, 'audit'))).sort()).toEqual(['exclude.csv', 'findings.csv']);
    const excluded = (await readFile(join(folder, list), 'utf8')).trimEnd().split('\n').slice(4);
    expect(excluded).toEqual([
      'train,14,identical to test 0',
      'train,15,identical to test 0',
      'train,16,identical to train 0',
      'train,17,near train 1',
      'train,18,blank',
    ]);
    const findings = (await readFile(join(folder, 'audit', 'findings.csv'), 'utf8')).trimEnd().split('\n');
    expect(findings).toHaveLength(1 + 5 + 2 + 1);
  });

  it('prints a table for people', async () => {
    const { code, stdout } = await run('data', 'audit', data, '--out', 'people', '--conflicts', 'drop');
    expect(code).toBe(0);
    expect(stdout).toMatch(/FER-2013.*: 34 images compared in [\d.]+ s/);
    expect(stdout).toMatch(/extra copies +3 +4/);
    expect(stdout).toMatch(/test images that also stand in training +1 +1/);
    expect(stdout).toContain('6 images (5 train, 0 val, 1 test)');
  });

  it('makes a list that training and evaluation take, and no data but its own', async () => {
    const options = [
      '--epochs',
      '1',
      '--batch-size',
      '7',
      '--sampler',
      'oversample',
      '--class-weights',
      'inverse-sqrt',
    ];
    const trained = await run('train', 'simple-mlp', '--data', data, '--exclude', list, ...options, '--out', 'run');
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stdout).toContain('14 training, 7 validation, 8 test images');
    expect(trained.stdout).toContain('sampler oversample: 14 images an epoch');
    expect(trained.stdout).toContain('the training loss weighs angry 1,');
    const config = JSON.parse(await readFile(join(folder, 'run', 'config.json'), 'utf8')) as { options: object };
    expect(config.options).toMatchObject({
      sampler: 'oversample',
      classWeights: 'inverse-sqrt',
      exclude: join(folder, list),
    });
    const evaluated = await json('eval', '--run', 'run', '--split', 'train', '--exclude', list);
    expect(evaluated.count).toBe(14);

    const refused = await run('train', 'simple-mlp', '--data', 'synthetic', '--exclude', list, '--out', 'other');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('made for other data');
    await expect(readdir(join(folder, 'other'))).rejects.toThrow();
  });

  it('takes its data once', async () => {
    const { code, stderr } = await run('data', 'audit', data, '--data', 'other.csv');
    expect(code).toBe(2);
    expect(stderr).toContain('name the data once');
  });
});

describe('data info', () => {
  it('tells splits, classes with their shares, pixels, fingerprint and warnings', async () => {
    const { code, stdout } = await run('data', 'info', data);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^FER-2013.*: 48x48, grey, 7 classes\nfingerprint [0-9a-f]{64}\n/);
    expect(stdout).toMatch(/angry +3 +15\.8 % +1 +14\.3 % +1 +12\.5 %/);
    expect(stdout).toMatch(/all +19 +7 +8/);
    expect(stdout).toMatch(/all +0\.4\d{3} +0\.\d{4}/);
  });

  it('tells as much to programs, of what a list leaves', async () => {
    const info = await json('data', 'info', data, '--exclude', list);
    expect(info).toMatchObject({
      ...{ channels: 1, warnings: [], splits: { train: 14, val: 7, test: 8 } },
      counts: { train: [2, 2, 2, 2, 2, 2, 2], val: [1, 1, 1, 1, 1, 1, 1] },
    });
    expect(info.labelling).toContain('5 images excluded');
    expect(info.fingerprint).not.toBe(audit.fingerprint);
  });
});

describe('--equalize', () => {
  it('is kept by a run and by its weights, for whatever they are evaluated on', async () => {
    const plain = await json('data', 'info', data);
    const info = await json('data', 'info', data, '--equalize');
    expect(info).toMatchObject({ labelling: 'histograms equalised', counts: plain['counts'] });
    expect(info['fingerprint']).not.toBe(plain['fingerprint']);

    const trained = await run(
      'train',
      'simple-mlp',
      '--data',
      data,
      '--equalize',
      '--epochs',
      '1',
      '--out',
      'equalized',
    );
    expect(trained.code, trained.stderr).toBe(0);
    const config = JSON.parse(await readFile(join(folder, 'equalized', 'config.json'), 'utf8')) as RunConfig;
    expect([config.options.equalize, config.data]).toMatchObject([
      true,
      { name: 'FER-2013 (histograms equalised)', fingerprint: info['fingerprint'] },
    ]);
    const ofRun = await json('eval', '--run', 'equalized');
    expect(ofRun).toMatchObject({ data: 'FER-2013 (histograms equalised)' });
    // Other data, which happen to be the same; and weights alone.
    expect(await json('eval', '--run', 'equalized', '--data', data)).toEqual(ofRun);
    const weights = join('equalized', 'best.safetensors');
    expect(await json('eval', '--model', 'simple-mlp', '--weights', weights, '--data', data)).toEqual(ofRun);
    const resumed = await run('train', '--resume', 'equalized', '--epochs', '2');
    expect(resumed.code, resumed.stderr).toBe(0);
  });
});

describe('data explore', () => {
  it('writes figures and a page into a folder that it makes', async () => {
    const { page, files } = await json('data', 'explore', '--data', data, '--out', 'a/b', '--count', '2');
    expect(page).toBe(join('a', 'b', 'index.html'));
    expect((await readdir(join(folder, 'a', 'b'))).map(name => join('a', 'b', name)).sort()).toEqual(
      [...(files as string[])].sort(),
    );
    expect(await readFile(join(folder, 'a', 'b', 'index.html'), 'utf8')).toContain('FER-2013');
  });
});

describe('options of sampling', () => {
  it.each([
    [samplerOption('shuffle'), 'random', 'samplers are shuffle, weighted[:<class weights>] and oversample'],
    [classWeightsOption('none'), 'heavy', 'class weights are none, balanced'],
    [classWeightsOption('none'), 'effective:1', 'beta of effective is from 0 to below 1'],
  ])('are checked before anything is loaded: %#', (option, text, message) => {
    const parse = () => {
      option.parseArg!(text, undefined);
    };
    expect(parse).toThrow(InvalidArgumentError);
    expect(parse).toThrow(message);
  });

  it('name what the data do not fit', async () => {
    const { code, stderr } = await run('train', 'simple-mlp', '--data', data, '--class-weights', '1,2', '--out', 'no');
    expect(code).toBe(2);
    expect(stderr).toContain('2 class weights were given for 7 classes');
    await expect(readdir(join(folder, 'no'))).rejects.toThrow();
  });
});

it('data convert --to cache says so, and fails, where the cache cannot be written', async () => {
  const convert = ['data', 'convert', data, '--to', 'cache'];
  // The cache's folder is a file.
  const { code, stdout, stderr } = await facegrad(convert, { cwd: folder, env: { FACEGRAD_CACHE: data } });
  expect(code, stderr).toBe(2);
  expect(stderr).toContain('the data cannot be kept in the cache: ENOTDIR');
  expect(stdout).toBe('');
});
