import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../../src/util/random.js';
import { facegrad, jsonLines } from './facegrad.js';

let folder: string;
const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });

/** FER-2013's CSV file with images whose brightness grows with their class. */
async function writeNoise(name: string, seed: number): Promise<void> {
  const random = new RandomStream(seed, 0);
  const rows = Array.from({ length: 70 }, (_, i) => {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(100) + 20 * (i % 7));
    return `${i % 7},${pixels.join(' ')},${i < 42 ? 'Training' : i < 56 ? 'PublicTest' : 'PrivateTest'}\n`;
  });
  await writeFile(join(folder, name), `emotion,pixels,Usage\n${rows.join('')}`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-transfer-'));
  await writeNoise('old.csv', 1);
  await writeNoise('new.csv', 2);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

it('takes a network to other data, prints the table, keeps it, and has nothing left to do then', async () => {
  const train = await run('train', 'simple-mlp', '--data', 'old.csv', '--epochs', '1', '--out', 'first');
  expect(train.stderr + train.stdout).toContain('results: first');
  const options = [
    '--joint',
    '0.3',
    '--l2-sp',
    '0.01',
    '--epochs',
    '1',
    '--batch-size',
    '16',
    '--out',
    'moved',
    '--json',
  ];
  const { code, stdout, stderr } = await run('transfer', '--from', 'first', '--to', 'new.csv', ...options);
  expect([code, stderr]).toEqual([0, expect.stringContaining("of the model's")]);
  const events = jsonLines(stdout);
  // 42 images of the new data, and 18 of the old.
  expect(events.find(({ event }) => event === 'start')).toMatchObject({ epochImages: 60 });
  const last = events.at(-1) as Record<string, { count: number; accuracy: number }> & { event: string };
  expect(last.event).toBe('transfer');
  for (const part of ['zeroShot', 'sourceBefore', 'fineTuned', 'sourceAfter']) expect(last[part]!.count).toBe(14);
  expect(await readFile(join(folder, 'moved', 'transfer.md'), 'utf8')).toContain('**forgetting**');

  const again = await run('transfer', '--resume', 'moved');
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/\n {2}zero-shot +14 +[\d.]+ %/);
  expect(again.stdout).toMatch(/\n {2}forgetting +[+-][\d.]+ pp/);
  expect(again.stdout).not.toContain('epoch');
  const refused = await run('transfer', '--resume', 'moved', '--epochs', '3');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('beside --resume, leave out --epochs')]);
  const held = await run('transfer', '--from', 'first', '--to', 'new.csv', '--out', 'moved');
  expect([held.code, held.stderr]).toEqual([2, expect.stringContaining('holds a transfer already')]);

  const joint = await run(
    ...['train', 'simple-mlp', '--data', 'new.csv', '--joint-data', 'old.csv', '--joint-share', '0.5', '--epochs', '1'],
    ...['--init', 'first', '--init-head', 'fresh', '--freeze', '*', '--unfreeze', 'net.2', '--out', 'joint'],
  );
  expect(joint.stdout).toContain('joint training: 50.00 % of the 84 images of an epoch are from');
  expect(joint.stderr).toContain('the last layer was to begin anew');
  // The second data set may have moved, too; only that.
  await rename(join(folder, 'old.csv'), join(folder, 'older.csv'));
  const resume = ['train', '--resume', 'joint', '--epochs', '2', '--joint-data'];
  expect((await run(...resume, 'new.csv')).stderr).toContain('is not what the run was trained on');
  const onward = await run(...resume, 'older.csv');
  expect(onward.code, onward.stderr).toBe(0);
});

it('says what it needs', async () => {
  expect((await run('transfer', '--to', 'new.csv')).stderr).toContain('transfer needs --from <run> and --to <data>');
  expect((await run('train', 'simple-mlp', '--data', 'new.csv', '--joint-share', '0.5')).stderr).toContain(
    '--joint-share needs --joint-data',
  );
});
