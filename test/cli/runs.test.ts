import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRun, rows } from '../train/catalogue/runs.js';
import { externalReferences, requireWellFormed } from '../plots/markup.js';
import { facegrad } from './facegrad.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-runs-cli-'));
  await makeRun(join(folder, 'runs', 'first'), {
    end: 'finished',
    summary: {
      ...{ testAccuracy: 0.58, testLoss: 1.4 },
      ...{ bestValRecall: { a: 0.5, b: 0.625 }, testRecall: { a: 0.58, b: null } },
    },
  });
  await makeRun(join(folder, 'runs', 'second'), {
    ...{ end: 'interrupted', history: rows(0.7), created: '2026-03-05T00:00:00.000Z' },
    options: { model: 'mini-resnet', lr: 0.01 },
  });
  await mkdir(join(folder, 'runs', 'notes'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => facegrad(['runs', ...args], { cwd: folder, env: { TZ: 'UTC' } });
const first = join('runs', 'first');
const second = join('runs', 'second');

describe('facegrad runs', () => {
  it('lists the runs of runs/, the latest first, and tells what is none', async () => {
    const { code, stdout, stderr } = await run();
    expect(code).toBe(0);
    const [head, ...lines] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^run +model +data +epochs +val acc +test acc +state +created +time +img\/s$/);
    expect(lines[0]).toMatch(
      /^runs.second +mini-resnet +FER-2013 +1\/3 +70\.00 % +- +interrupted +2026-03-05 00:00 +0:36 +100$/,
    );
    expect(lines[1]).toMatch(/^runs.first +simple-cnn +FER-2013 +3\/3 +60\.00 % +58\.00 % +finished /);
    expect(stderr).toBe(`warning: ${join('runs', 'notes')} holds no run\n`);
  });

  it('filters, sorts, limits and gives CSV with the columns that are asked for', async () => {
    const { stdout } = await run('--csv', '--sort', 'val_accuracy', '--columns', 'run,lr,val_accuracy,test_accuracy');
    expect(stdout).toBe(`run,lr,val_accuracy,test_accuracy\n${first},0.001,0.6,0.58\n${second},0.01,0.7,\n`);
    const some = await run('first', 'second', '--filter', 'lr<1', '--filter', 'epochs<9', '--limit', '1', '--json');
    const [entry, ...more] = JSON.parse(some.stdout) as Record<string, unknown>[];
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ run: second, val_accuracy: 0.7, state: 'interrupted', options: { lr: 0.01 } });
    expect((await run('--columns', '+lr')).stdout).toMatch(/img\/s +lr\n/);
    const none = await run('--filter', 'model=vgg*');
    expect([none.code, none.stdout]).toEqual([0, '']);
    expect(none.stderr).toContain('none of 2 runs meets every --filter');
  });

  it('compares runs, with their curves', async () => {
    const { code, stdout, stderr } = await run(
      ...['compare', 'first', second, '--out', 'both', '--metric', 'val_accuracy,train_loss', '--csv'],
    );
    expect(code, stderr).toBe(0);
    const files = ['comparison.csv', 'curves.csv'];
    for (const metric of ['train_loss', 'val_accuracy']) files.push(`${metric}.png`, `${metric}.svg`);
    expect((await readdir(join(folder, 'both'))).sort()).toEqual(files);
    expect(stdout).toBe(await readFile(join(folder, 'both', 'comparison.csv'), 'utf8'));
    expect(stdout).toContain('\nlr,0.001,0.01\n');
    const svg = await readFile(join(folder, 'both', 'val_accuracy.svg'), 'utf8');
    requireWellFormed(svg.slice(svg.indexOf('<svg')));
    expect(externalReferences(svg)).toEqual([]);
    for (const text of [first, second, 'val accuracy']) expect(svg).toContain(text);
    expect(PNG.sync.read(await readFile(join(folder, 'both', 'val_accuracy.png'))).width).toBeGreaterThan(500);
    const table = (await run('compare', 'first', 'second')).stdout;
    expect(table).toMatch(/^val_accuracy +60\.00 % +70\.00 %$/m);
  });

  it('shows one', async () => {
    const { stdout } = await run('show', 'first');
    for (const text of [
      `${first}: simple-cnn`,
      'batchSize    64',
      'val acc     60.00 %',
      'a  50.00 %  58.00 %',
      'b  62.50 %  -',
      'epoch        lr',
      'config.json',
    ]) {
      expect(stdout).toContain(text);
    }
    const shown = JSON.parse((await run('show', first, '--json')).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ path: first, state: 'finished', config: { classes: ['a', 'b'] } });
    expect(shown['history']).toHaveLength(3);
  });

  it.each([
    ['an unknown column', ['--columns', 'accuracy'], 'runs have no column accuracy'],
    ['a folder that is not there', ['elsewhere'], 'elsewhere: no such folder, here or in runs'],
    ['one run to compare', ['compare', 'first'], 'needs two runs or more'],
    ['a run that is none', ['show', join('runs', 'notes')], 'holds no run'],
    ['an option of the listing', ['show', 'first', '--limit', '1'], "unknown option '--limit'"],
    ['two forms at once', ['--csv', '--json'], 'cannot be used with'],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('says so where there are none yet', async () => {
    const { code, stdout, stderr } = await facegrad(['runs', '--root', 'none'], { cwd: folder });
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('there are no runs in none; facegrad train begins one');
  });
});
