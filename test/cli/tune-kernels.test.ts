import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/gpu/node.js';
import { isSoftware } from '../../src/gpu/software.js';
import { RunFolder } from '../../src/train/run.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad, start } from './facegrad.js';

const model = 'simple-mlp';
const counts = { Training: 400, PublicTest: 32, PrivateTest: 16 };

let folder: string;
let data: string;

interface Table {
  key: Record<string, unknown>;
  choices: Record<string, string>;
}

/** The command line with a cache folder of this name. */
const options = (cache: string) => ({ cwd: folder, env: { FACEGRAD_CACHE: join(folder, cache) } });
const run = (cache: string, ...args: string[]) => facegrad(args, options(cache));
const training = (out: string, ...more: string[]) => [
  ...['train', model, '--data', data, '--batch-size', '16', '--epochs', '3', '--out', join(folder, out), '--json'],
  ...more,
];

async function tablePath(cache: string): Promise<string> {
  const kernels = join(folder, cache, 'kernels');
  const files = await readdir(kernels);
  expect(files).toHaveLength(1);
  return join(kernels, files[0]!);
}

/** A table as facegrad writes it. */
function tableText({ key, choices }: Table): string {
  const checksum = `sha256:${createHash('sha256')
    .update(JSON.stringify([key, choices]))
    .digest('hex')}`;
  return JSON.stringify({ key, choices, checksum });
}

const readTable = async (cache: string) => JSON.parse(await readFile(await tablePath(cache), 'utf8')) as Table;

/** The weights and the optimiser's state that a run ended with, and its losses. */
async function results(out: string) {
  const path = join(folder, out);
  const files = await Promise.all(['best', 'last'].map(name => readFile(join(path, `${name}.safetensors`))));
  const rows = await (await RunFolder.open(path)).readMetrics();
  // Headers hold times; tensors follow them.
  const tensors = files.map(file => file.subarray(8 + Number(file.readBigUInt64LE(0))).toString('base64'));
  return { tensors, losses: rows.map(({ trainLoss, valLoss }) => [trainLoss, valLoss]) };
}

const tuningOf = async (out: string) => (await RunFolder.open(join(folder, out))).config.tuning;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-tuning-'));
  data = join(folder, 'noise.csv');
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (const [usage, count] of Object.entries(counts)) {
    for (let i = 0; i < count; i++) {
      const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
      lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
    }
  }
  await writeFile(data, `${lines.join('\n')}\n`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('tune-kernels', () => {
  it('compares the kernels of a network and keeps the choices', async () => {
    const args = ['tune-kernels', '--model', model, '--batch-size', '16', '--budget', '60', '--json'];
    const { code, stdout, stderr } = await run('tuned', ...args);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as { results: { key: string; choice: string }[] } & Record<string, unknown>;
    expect(report).toMatchObject({ file: await tablePath('tuned'), tuned: report.results.length, left: 0 });
    expect(report.results.map(({ key }) => key)).toContain('matmul_nt 16x4096x256');
    for (const result of report.results) {
      expect(result).toMatchObject({ standardMs: expect.any(Number) as number, ms: expect.any(Number) as number });
      expect(result).toMatchObject({ refused: [] });
    }
    const { key, choices } = await readTable('tuned');
    expect(choices).toEqual(Object.fromEntries(report.results.map(({ key, choice }) => [key, choice])));
    expect(key).toMatchObject({ facegrad: expect.any(String) as string, webgpu: expect.any(String) as string });
    expect(key['shaders']).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    [['--model', 'simple-mpl'], 'simple-mlp'],
    [['--input-size', '48'], '--model'],
    [['--budget', '0'], '--budget'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await run('tuned', 'tune-kernels', ...args);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  });
});

describe('train', () => {
  it('looks for faster kernels that give the same bits, once', async () => {
    const first = await run('fresh', ...training('first', '--autotune'));
    expect(first.code, first.stderr).toBe(0);
    const table = await readFile(await tablePath('fresh'), 'utf8');
    expect(Object.keys((JSON.parse(table) as Table).choices)).toContain('matmul_nt 16x4096x256');
    const plain = await run('none', ...training('plain', '--no-autotune'));
    expect(plain.code, plain.stderr).toBe(0);
    expect(await readdir(join(folder, 'none'))).not.toContain('kernels');
    expect(await tuningOf('plain')).toBeUndefined();
    expect(await results('first')).toEqual(await results('plain'));
  });

  it('looks for nothing on a software adapter unless told to', async () => {
    const { code, stderr } = await run('unasked', ...training('unasked', '--epochs', '1'));
    expect(code, stderr).toBe(0);
    const device = await openDevice();
    const software = isSoftware(device.info);
    device.destroy();
    expect((await readdir(join(folder, 'unasked'))).includes('kernels')).toBe(!software);
  });

  it('computes with the choices of tune-kernels, and resumes with those it began with, to the bit', async () => {
    // Others than the default, whatever is fastest here: they round differently.
    const { key, choices } = await readTable('tuned');
    const others = Object.keys(choices).filter(name => name.startsWith('matmul'));
    const tile = 'matmul_portable THREADS=8 PER=4 DEPTH=8';
    const table = others.map(name => [name, name.startsWith('matmul_tn') ? `${tile} workgroups=64` : tile] as const);
    const spread = { ...choices, ...Object.fromEntries(table) };
    await writeFile(await tablePath('tuned'), tableText({ key, choices: spread }));
    const whole = await run('tuned', ...training('whole'));
    expect(whole.code, whole.stderr).toBe(0);
    expect(await tuningOf('whole')).toMatchObject(Object.fromEntries(table));
    expect((await results('whole')).tensors).not.toEqual((await results('plain')).tensors);

    const running = start(training('stopped'), options('tuned'));
    await running.printed('"event":"epoch","epoch":1');
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    // What the run goes on with is its own, not what the cache says by now.
    await writeFile(await tablePath('tuned'), tableText({ key, choices: {} }));
    const resumed = await run('tuned', 'train', '--resume', join(folder, 'stopped'), '--json');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await results('stopped')).toEqual(await results('whole'));
  });

  it.each([
    ['damaged', () => '{"key": {', 'is damaged'],
    [
      'of another adapter',
      ({ key, choices }: Table) => tableText({ key: { ...key, vendor: 'another' }, choices }),
      'is of another adapter or version',
    ],
  ])('tells of a table that is %s, and makes it anew', async (_, spoil, text) => {
    const path = await tablePath('fresh');
    const table = await readTable('fresh');
    await writeFile(path, spoil(table));
    const again = await run('fresh', ...training('again', '--force', '--epochs', '1', '--autotune'));
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr.split('\n').filter(line => line.includes(text))).toHaveLength(1);
    expect((await readTable('fresh')).key).toEqual(table.key);
  });

  it('refuses to change the kernels of a run', async () => {
    const { code, stderr } = await run('fresh', 'train', '--resume', join(folder, 'plain'), '--no-autotune');
    expect(stderr).toContain('--no-autotune');
    expect(code).toBe(2);
  });
});
