import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSavedStudy } from '../../src/train/study/saved.js';
import { noiseCsv } from '../noise-csv.js';
import { facegrad, jsonLines, start } from './facegrad.js';

const STUDY = `recipe:
  model: { name: simple-mlp }
  data: { path: noise.csv }
  training: { epochs: 3 }
trials: 3
search-space:
  optimizer.lr: { type: float, low: 1e-4, high: 1e-2, log: true }
  training.batch-size: { type: int, low: 16, high: 32, step: 16 }
sampler: { name: tpe, n-startup-trials: 2 }
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-tune-'));
  await writeFile(join(folder, 'noise.csv'), noiseCsv());
  await writeFile(join(folder, 's.yaml'), STUDY);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const options = () => ({ cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const tune = (...args: string[]) => facegrad(['tune', ...args], options());

/** What decides a trial's result. */
async function trialsOf(out: string) {
  const { trials } = await openSavedStudy(join(folder, out));
  return trials.map(({ state, value, internal, intermediate }) => ({ state, value, internal, intermediate }));
}

describe('tune', () => {
  it('goes on with a study that was killed and then interrupted, and has the trials of one that never stopped', async () => {
    const whole = await tune('--study', 's.yaml', '--out', 'whole', '--json');
    expect(whole.code, whole.stderr).toBe(0);
    const events = jsonLines(whole.stdout);
    expect(events.filter(({ event }) => event === 'trial')).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({ event: 'study', trials: 3, total: 3, interrupted: false });

    const args = ['tune', '--study', 's.yaml', '--out', 'parts', '--json'];
    const killed = start(args, options());
    await killed.printed('"event":"epoch","trial":1');
    killed.process.kill('SIGKILL');
    await killed.ended;
    const interrupted = start(args, options());
    await interrupted.printed('"event":"epoch"');
    interrupted.process.kill('SIGINT');
    expect((await interrupted.ended).code).toBe(130);
    const rest = await tune(...args.slice(1));
    expect(rest.code, rest.stderr).toBe(0);
    expect(await trialsOf('parts')).toEqual(await trialsOf('whole'));
  }, 300_000);

  it('lists, draws and writes the best trial', async () => {
    const list = await tune('list', 'whole', '--json');
    const rows = JSON.parse(list.stdout) as { value: number; values: Record<string, number> }[];
    const least = rows.reduce((best, row) => (row.value < best.value ? row : best));
    const best = await tune('best', 'whole', '--out', join(folder, 'best.yaml'));
    expect(best.code, best.stderr).toBe(0);
    expect(await readFile(join(folder, 'best.yaml'), 'utf8')).toContain(`lr: ${least.values['optimizer.lr']!}`);
    const report = await tune('report', 'whole', '--json');
    expect(report.code, report.stderr).toBe(0);
    const { files } = JSON.parse(report.stdout) as { files: string[] };
    expect(files.map(file => file.split('/').at(-1))).toEqual([
      ...['history.svg', 'parallel.svg', 'importance.svg', 'history.png', 'parallel.png', 'importance.png'],
      ...['trials.csv', 'report.html'],
    ]);
    for (const file of files) expect((await readFile(join(folder, file))).length).toBeGreaterThan(100);
  });

  it('shares the trials out among several workers', async () => {
    const { code, stdout, stderr } = await tune(
      '--study',
      's.yaml',
      '--out',
      'two',
      '--workers',
      '2',
      '--epochs',
      '1',
      '--json',
    );
    expect(code, stderr).toBe(0);
    const ended = jsonLines(stdout).filter(({ event }) => event === 'trial');
    expect(ended.map(({ number }) => number).sort()).toEqual([0, 1, 2]);
    const { trials } = await openSavedStudy(join(folder, 'two'));
    expect(trials.every(({ state }) => state === 'complete')).toBe(true);
  });

  it('refuses a study whose trials cannot be run, and begins nothing', async () => {
    const missing = await tune('--data', 'synthetic');
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('tune needs --study') as string });
    const dropout = STUDY.replace('optimizer.lr', 'model.dropout').replace('log: true', 'log: false');
    await writeFile(join(folder, 'bad.yaml'), dropout);
    const bad = await tune('--study', 'bad.yaml');
    expect(bad).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('simple-mlp has no option dropout') as string,
    });
    expect((await tune('list', 'studies/bad')).code).toBe(2);
  });
});
