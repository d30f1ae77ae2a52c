import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ExperimentComparison } from '../../src/evaluate/experiments/index.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad, start } from './facegrad.js';

let folder: string;
const env = () => ({ cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const run = (line: string) => facegrad(line.split(' '), env());

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-compare-'));
  const random = new RandomStream(1, 0);
  const rows = Array.from({ length: 98 }, (_, i) => {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
    return `${i % 7},${pixels.join(' ')},${i < 70 ? 'Training' : i < 84 ? 'PublicTest' : 'PrivateTest'}\n`;
  });
  await writeFile(join(folder, 'noise.csv'), `emotion,pixels,Usage\n${rows.join('')}`);
  await writeFile(
    join(folder, 'wild.yaml'),
    'about: { title: wild, data: any }\nmodel: { name: simple-mlp }\noptimizer: { lr: 1e30 }\n',
  );
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const compare =
  'compare --recipes wild.yaml system-a/simple-m* system-a/resnet18 --data noise.csv --epochs 2 --seeds 1,2 ' +
  '--set schedule.scheduler=null --no-tensorboard --out out';

it('trains all, tells what fails, and sets the rest beside its source; stopped, it goes on', async () => {
  const running = start([...compare.split(' '), '--json'], env());
  // The first seed of simple-mlp has finished when its loss on test images is written down.
  const first = join(folder, 'out', 'system-a-simple-mlp-seed-1', 'summary.json');
  while ((await stat(first).catch(() => undefined)) === undefined) await new Promise(done => setTimeout(done, 20));
  running.process.kill('SIGINT');
  expect((await running.ended).code).toBe(130);
  const { mtimeMs } = await stat(first);

  const { code, stdout, stderr } = await run(`${compare} --json`);
  expect(code, stderr).toBe(1);
  expect((await stat(first)).mtimeMs).toBe(mtimeMs);
  const { recipes, runs, refused } = JSON.parse(stdout) as ExperimentComparison;
  expect(refused).toEqual([{ recipe: 'system-a/resnet18', error: expect.stringContaining('stages') as unknown }]);
  expect(runs.map(({ recipe, seed, state }) => `${recipe} ${seed} ${state}`)).toEqual([
    ...['wild.yaml 1 failed', 'wild.yaml 2 failed'],
    ...['system-a/simple-mlp 1 finished', 'system-a/simple-mlp 2 finished'],
  ]);
  expect(runs[0]!.error).toContain('not finite');
  const [one, two] = [runs[2]!, runs[3]!];
  const mean = (one.val!.accuracy + two.val!.accuracy) / 2;
  expect(recipes[1]).toMatchObject({ recipe: 'system-a/simple-mlp', model: 'simple-mlp', finished: 2, runs: 2 });
  expect(recipes[1]!.valAccuracy!.mean).toBeCloseTo(mean, 14);
  expect(recipes[1]!.reported).toEqual({ 'val-accuracy': 0.3954 });
  expect(recipes[1]!.difference!['val-accuracy']).toBeCloseTo(mean - 0.3954, 14);
  // As the runs' own validation and eval have it.
  for (const { run, val, test } of [one, two]) {
    const summary = JSON.parse(await readFile(join(folder, run, 'summary.json'), 'utf8')) as Record<string, number>;
    expect(val!.accuracy).toBeCloseTo(summary['bestValAccuracy']!, 12);
    expect(test!.accuracy).toBeCloseTo(summary['testAccuracy']!, 12);
  }
  const evaluated = await run1(`eval --run ${one.run} --split test --resamples 100 --json`);
  expect(one.test!.macroF1).toBeCloseTo((evaluated['macro'] as { f1: number }).f1, 12);

  expect(JSON.parse(await readFile(join(folder, 'out', 'comparison.json'), 'utf8'))).toEqual(JSON.parse(stdout));
  const csv = (await readFile(join(folder, 'out', 'comparison.csv'), 'utf8')).trimEnd().split('\n');
  expect(csv[0]).toMatch(/^recipe,seed,model,run,state,/);
  expect(csv[3]).toContain(`system-a/simple-mlp,1,simple-mlp,${one.run},finished,`);
  expect(await readFile(join(folder, 'out', 'comparison.md'), 'utf8')).toMatch(
    /^\| system-a\/simple-mlp \| simple-mlp \| 591,879 \| 2 \| \d+\.\d\d ± \d+\.\d\d \|.* 39\.54 val \| [+-]\d+\.\d\d val \|$/m,
  );
  expect(await readdir(join(folder, 'out'))).toContain('validation-accuracy.png');
});

async function run1(line: string): Promise<Record<string, unknown>> {
  return JSON.parse((await run(line)).stdout) as Record<string, unknown>;
}

it.each([
  ['no recipes', 'compare --data noise.csv', 'compare needs --recipes'],
  ['a pattern of nothing', 'compare --recipes system-z/* --data noise.csv', 'no recipe has such a name'],
  ['a field that no recipe has', 'compare --recipes system-a/simple-* --data noise.csv --set lr=1', 'no field lr'],
  ['no data', 'compare --recipes system-a/simple-mlp', 'train needs --data'],
  ['a seed twice', 'compare --recipes system-a/simple-mlp --data noise.csv --seeds 1,1', 'different whole numbers'],
  [
    'a run of other options',
    'compare --recipes system-a/simple-mlp --data noise.csv --epochs 2 --seeds 1 --set optimizer.lr=0.5 --set schedule.scheduler=null --out out',
    'holds a run of other options: a resumed run keeps its options',
  ],
])('refuses %s', async (_what, line, text) => {
  const { code, stdout, stderr } = await run(line);
  expect(stderr).toContain(text);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});
