import { createHash } from 'node:crypto';
import { copyFile, cp, readFile, readdir, rm, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { RunFolder } from '../../src/train/run.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad, jsonLines, start } from './facegrad.js';

// Batch normalisation and dropout: what a resumed run has to restore beside weights and optimiser state.
const model = 'improved-mlp';
const options = ['--epochs', '4', '--batch-size', '16', '--seed', '7', '--json'];
const counts = { Training: 400, PublicTest: 70, PrivateTest: 35 };

let folder: string;
let data: string;
/** A run that nothing interrupts. */
let whole: string;
let events: Record<string, unknown>[];

const run = (args: readonly string[]) =>
  facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const begin = (out: string) =>
  start(['train', model, '--data', data, ...options, '--out', out], {
    cwd: folder,
    env: { FACEGRAD_CACHE: join(folder, 'cache') },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-training-'));
  data = join(folder, 'noise.csv');
  await writeFile(data, noise());
  whole = join(folder, 'whole');
  const { code, stdout, stderr } = await begin(whole).ended;
  expect(code, stderr).toBe(0);
  events = jsonLines(stdout);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A small FER-2013 CSV: noise whose brightness tells the class, so that there is something to learn. */
function noise(): string {
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (const [usage, count] of Object.entries(counts)) {
    for (let i = 0; i < count; i++) {
      const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
      lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** What must not depend on how often a run was stopped: every tensor, and all metrics but times. */
async function results(path: string) {
  const tensors = await Promise.all(
    ['best.safetensors', 'last.safetensors'].map(async name => {
      const file = decodeSafeTensors(await readFile(join(path, name)));
      return [...file.tensors].map(([key, { shape, data }]) => ({ key, shape, digest: digest(data) }));
    }),
  );
  const folder = await RunFolder.open(path);
  const metrics = (await folder.readMetrics()).map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
  const { bestEpoch, bestValAccuracy, testAccuracy, testLoss, epochs, interrupted } = (await folder.readSummary())!;
  return { tensors, metrics, summary: { bestEpoch, bestValAccuracy, testAccuracy, testLoss, epochs, interrupted } };
}

function digest(data: NodeJS.ArrayBufferView): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('train', () => {
  it('leaves the six files of a run and nothing else', async () => {
    expect((await readdir(whole)).sort()).toEqual([
      'best.safetensors',
      'config.json',
      expect.stringMatching(/^events\.out\.tfevents\.\d+\..+\.facegrad$/),
      'last.safetensors',
      'metrics.csv',
      'summary.json',
    ]);
    const { config } = await RunFolder.open(whole);
    expect(config.options).toMatchObject({
      model,
      data,
      epochs: 4,
      batchSize: 16,
      lr: 1e-3,
      optimizer: 'adam',
      seed: 7,
    });
    expect(config.data).toMatchObject({ train: counts.Training, val: counts.PublicTest, test: counts.PrivateTest });
    expect(config.mean[0]).toBeGreaterThan(0.3);
  });

  it('with --json prints events alone, the summary last', async () => {
    const kinds = events.map(({ event }) => event);
    expect(kinds[0]).toBe('start');
    expect(kinds.at(-1)).toBe('summary');
    expect(new Set(kinds)).toEqual(new Set(['start', 'step', 'epoch', 'saved', 'summary']));
    const epochs = events.filter(({ event }) => event === 'epoch');
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const rows = await (await RunFolder.open(whole)).readMetrics();
    expect(epochs).toEqual(rows.map(row => ({ event: 'epoch', best: expect.any(Boolean) as boolean, ...row })));
    const summary = JSON.parse(await readFile(join(whole, 'summary.json'), 'utf8')) as object;
    expect(events.at(-1)).toEqual({ event: 'summary', ...summary });
    expect(summary).toMatchObject({ model, epochs: 4, interrupted: false });
  });

  it('learns', () => {
    const losses = events.filter(({ event }) => event === 'epoch').map(({ trainLoss }) => trainLoss as number);
    expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
  });

  it('refuses a folder that holds a run, and says how to go on', async () => {
    const before = await results(whole);
    const { code, stderr } = await run(['train', model, '--data', data, '--out', whole]);
    expect(code).toBe(2);
    expect(stderr).toContain('--resume');
    expect(stderr).toContain('--force');
    expect(await results(whole)).toEqual(before);
  });

  it('replaces a run with --force; the same options give the same bits', async () => {
    const out = join(folder, 'forced');
    const first = await run(['train', 'simple-mlp', '--data', data, '--epochs', '1', '--out', out, '--json']);
    expect(first.code, first.stderr).toBe(0);
    const again = await run(['train', model, '--data', data, ...options, '--out', out, '--force']);
    expect(again.code, again.stderr).toBe(0);
    expect(await results(out)).toEqual(await results(whole));
  });

  it('stops with the step and the tensor where the loss is not finite', async () => {
    const { code, stderr } = await run([
      'train',
      'simple-mlp',
      '--data',
      data,
      '--lr',
      '1e30',
      '--out',
      'nan',
      '--json',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the loss is not finite at epoch 1, step \d+: the first bad tensor is /);
  });
});

describe('a stopped run', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s saves, exits with %i, and goes on to the same bits', async (signal, expected) => {
    const out = join(folder, signal);
    const running = begin(out);
    await running.printed('"event":"epoch","epoch":2');
    running.process.kill(signal);
    // As npx passes on one Ctrl-C; it must not count as the second that exits without saving.
    setTimeout(() => running.process.kill(signal), 3);
    const { code, stdout } = await running.ended;
    expect(code).toBe(expected);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ event: 'summary', interrupted: true });

    const resumed = await run(['train', '--resume', out, '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await results(out)).toEqual(await results(whole));
  });

  it('by kill -9 goes on from its last epoch to the same bits', async () => {
    const out = join(folder, 'killed');
    const running = begin(out);
    await running.printed('"event":"epoch","epoch":2');
    running.process.kill('SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');

    const resumed = await run(['train', '--resume', out, '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(jsonLines(resumed.stdout)[0]).toMatchObject({ event: 'start', resumedFrom: 2 });
    expect(await results(out)).toEqual(await results(whole));
    expect((await readdir(out)).filter(name => name.endsWith('.tmp'))).toEqual([]);
  });

  it('goes on where its figures are damaged, and writes them anew', async () => {
    const out = join(folder, 'figures');
    await cp(whole, out, { recursive: true });
    for (const name of ['summary.json', 'metrics.csv']) await writeFile(join(out, name), '\0\0\0\0');
    const { code, stderr } = await run(['train', '--resume', out, '--json']);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/warning: .*metrics\.csv, line 1/);
    expect(stderr).toMatch(/warning: .*summary\.json is not JSON/);
    expect(await results(out)).toEqual(await results(whole));
  });

  it('exits at once at the second signal', async () => {
    const running = begin(join(folder, 'twice'));
    await running.printed('"event":"epoch","epoch":1');
    running.process.kill('SIGINT');
    running.process.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    // Which of two signals that wait comes first is up to the system.
    expect([130, 143]).toContain(code);
    expect(stdout).not.toContain('"event":"summary"');
  });
});

describe('--resume', () => {
  it('of a finished run prints its summary; with more epochs it goes on', async () => {
    const out = join(folder, 'longer');
    const short = await run(['train', 'simple-mlp', '--data', data, '--epochs', '1', '--out', out, '--json']);
    expect(short.code, short.stderr).toBe(0);
    const same = await run(['train', '--resume', out, '--json']);
    expect(same.code).toBe(0);
    expect(jsonLines(same.stdout).map(({ event }) => event)).toEqual(['summary']);
    expect(same.stderr).toContain('has finished its 1 epochs');

    const longer = await run(['train', '--resume', out, '--epochs', '2', '--json']);
    expect(longer.code, longer.stderr).toBe(0);
    expect(jsonLines(longer.stdout).at(-1)).toMatchObject({ event: 'summary', epochs: 2 });
    expect((await RunFolder.open(out)).config.options.epochs).toBe(2);
  });

  it.each([
    [['--lr', '0.1'], '--lr 0.001, not 0.1'],
    [['--epochs', '3'], '--epochs 3'],
    [['--data', 'synthetic', '--epochs', '5'], 'is not what the run was trained on'],
  ])('refuses %j', async (extra, text) => {
    const { code, stderr } = await run(['train', '--resume', whole, ...extra]);
    expect(stderr).toContain(text);
    expect(code).toBe(2);
  });

  it('names the file and the field where config.json was spoilt', async () => {
    const out = join(folder, 'spoilt');
    const text = await readFile(join(whole, 'config.json'), 'utf8');
    await rm(out, { recursive: true, force: true });
    const spoilt = await RunFolder.create(out);
    await spoilt.begin((await RunFolder.open(whole)).config);
    await writeFile(join(out, 'config.json'), text.replace('"batchSize": 16', '"batchSize": "many"'));
    const { code, stderr } = await run(['train', '--resume', out]);
    expect(code).toBe(2);
    expect(stderr).toContain(join(out, 'config.json'));
    expect(stderr).toContain('options.batchSize');
  });
});

describe('eval', () => {
  it('with --json prints one object that begins with these fields', async () => {
    const { code, stdout, stderr } = await run(['eval', '--run', whole, '--split', 'test', '--json']);
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout) as Record<string, unknown> & {
      confusion: number[][];
      perClass: Record<string, unknown>[];
    };
    expect(Object.keys(result).slice(0, 8)).toEqual([
      'model',
      'data',
      'split',
      'count',
      'loss',
      'accuracy',
      'confusion',
      'perClass',
    ]);
    expect(result).toMatchObject({ model, split: 'test', count: counts.PrivateTest });
    expect(result.confusion.map(row => row.reduce((a, b) => a + b))).toEqual(new Array(7).fill(counts.PrivateTest / 7));
    expect(result.perClass.map(row => Object.keys(row))).toEqual(
      new Array(7).fill([
        ...['name', 'precision', 'recall', 'f1', 'support', 'predicted', 'rocAuc', 'averagePrecision'],
      ]),
    );
    const summary = (await (await RunFolder.open(whole)).readSummary())!;
    expect(result['accuracy']).toBeCloseTo(summary.testAccuracy!, 6);
    expect(result['loss']).toBeCloseTo(summary.testLoss!, 4);
  });

  it('of weights alone takes normalisation and classes from the file', async () => {
    const weights = join(whole, 'best.safetensors');
    const alone = await run(['eval', '--model', model, '--weights', weights, '--data', data, '--json']);
    const ofRun = await run(['eval', '--run', whole, '--json']);
    expect(alone.code, alone.stderr).toBe(0);
    expect(alone.stdout).toBe(ofRun.stdout);
    const named = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const renamed = await run(['eval', '--run', whole, '--classes', named.join(','), '--json']);
    const { perClass } = JSON.parse(renamed.stdout) as { perClass: { name: string }[] };
    expect(perClass.map(({ name }) => name)).toEqual(named);
    const other = await run(['eval', '--run', whole, '--mean', '0', '--std', '1', '--json']);
    expect(other.code, other.stderr).toBe(0);
    expect(other.stdout).not.toBe(ofRun.stdout);
  });

  it("takes the run's precision, which an option overrides", async () => {
    const out = join(folder, 'mixed');
    const { config } = await RunFolder.open(whole);
    const mixed = await RunFolder.create(out);
    await mixed.begin({ ...config, options: { ...config.options, precision: 'amp' } });
    await copyFile(join(whole, 'best.safetensors'), join(out, 'best.safetensors'));
    // Without matrices the command says that it falls back.
    const told = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(['eval', '--run', out, ...args]);
      expect(code, stderr).toBe(0);
      return `${stdout}${stderr}`;
    };
    expect(await told()).toMatch(/--precision amp runs in f32 here|computed in mixed precision/);
    const overridden = await told('--precision', 'f32');
    expect(overridden).toContain('computed in f32');
    expect(overridden).not.toContain('amp');
  });

  it('prints a matrix and scores for people', async () => {
    const votes = join(folder, 'votes.csv');
    const names = [
      'neutral',
      'happiness',
      'surprise',
      'sadness',
      'anger',
      'disgust',
      'fear',
      'contempt',
      'unknown',
      'NF',
    ];
    const rows = Object.values(counts).reduce((a, b) => a + b);
    const lines = [['Image name', ...names].join(','), ...new Array<string>(rows).fill('a.png,0,10,0,0,0,0,0,0,0,0')];
    await writeFile(votes, lines.join('\n'));
    const { code, stdout } = await run(['eval', '--run', whole, '--against', whole, '--votes', votes]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${model} on the val split of FER-2013: ${counts.PublicTest} images`);
    expect(stdout).toMatch(/^surprise( +\d+){7}$/m);
    expect(stdout).toMatch(/^macro average( +\d\.\d{4}){3} +70$/m);
    expect(stdout).toContain(`${counts.PublicTest} images with FER+'s votes`);
    expect(stdout).toMatch(/agreement is high \(80 to 100 %\) +\d+\.\d\d % +70$/m);
    // Against itself: nothing but agreement.
    expect(stdout).toMatch(/^\S*whole +0\.00 % +0\.00 to 0\.00 % +0 +0 +1\.0000$/m);
  });

  it.each([
    [
      'weights of another model',
      ['--model', 'simple-mlp', '--weights', 'whole/best.safetensors'],
      'wrong shape: net.0.weight is (512, 2304), the model has (256, 2304)',
    ],
    [
      'weights that are not there',
      ['--model', model, '--weights', 'none.safetensors'],
      'none.safetensors: no such file',
    ],
    ['weights that are none', ['--model', model, '--weights', 'noise.csv'], 'noise.csv'],
    ['another number of classes', ['--run', 'whole', '--classes', '5'], 'the weights tell 5 classes apart'],
    ['a folder without a run', ['--run', 'cache'], 'holds no run'],
    ['another run that is none', ['--run', 'whole', '--against', 'cache'], 'holds no run'],
    ['votes that are not there', ['--run', 'whole', '--votes', 'none.csv'], 'none.csv: no such file'],
  ])('refuses %s', async (_what, args, text) => {
    const { code, stdout, stderr } = await run(['eval', ...args, '--data', data]);
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('models, doctor, data preview', () => {
  it('lists models with parameters and multiply-accumulates, without a driver', async () => {
    const { code, stdout } = await facegrad(['models', '--json'], { env: { VK_DRIVER_FILES: '/none' } });
    expect(code).toBe(0);
    const models = JSON.parse(stdout) as Record<string, unknown>[];
    // From PyTorch: models_reference.py of the goldens.
    expect(models.find(({ name }) => name === 'simple-cnn')).toMatchObject({ parameters: 319239, macs: 5936000 });
    expect((await facegrad(['models'])).stdout).toMatch(/^simple-cnn +1x48x48 +319,239 +5,936,000 /m);
  });

  it('doctor runs a kernel and tells what the adapter offers', async () => {
    const { code, stdout } = await facegrad(['doctor', '--json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { kernel: { correct: boolean }; limits: Record<string, number> };
    expect(report.kernel.correct).toBe(true);
    expect(report.limits['maxBufferSize']).toBeGreaterThan(1 << 20);
    expect((await facegrad(['doctor'])).stdout).toContain('Test kernel: correct');
  });

  it('doctor lists the adapters where none has the name', async () => {
    const { code, stderr } = await facegrad(['doctor', '--adapter', 'no such adapter']);
    expect(code).toBe(2);
    expect(stderr).toContain('Available adapters:');
  });

  it.runIf(process.platform === 'linux')('doctor exits with 1 where there is no adapter', async () => {
    const { code, stdout, stderr } = await facegrad(['doctor', '--json'], { env: { VK_DRIVER_FILES: '/none' } });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ adapter: null, available: [] });
    expect(stderr).toContain('no WebGPU adapter was found');
  });

  it('draws a preview', async () => {
    const file = join(folder, 'sheet.png');
    const { code, stdout, stderr } = await run(['data', 'preview', '--data', data, '--out', file, '--json']);
    expect(code, stderr).toBe(0);
    expect((await readFile(file)).subarray(1, 4).toString()).toBe('PNG');
    const { counts: found } = JSON.parse(stdout) as { counts: Record<string, number[]> };
    expect(found['test']).toEqual(new Array(7).fill(counts.PrivateTest / 7));
  });
});
