import { chmod, mkdir, mkdtemp, open, readFile, readdir, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createFolder,
  isTemporaryNameOf,
  removeTemporaryFiles,
  temporaryName,
  writeFileAtomic,
} from '../../src/train/files.js';
import { requireSameData, resumedOptions } from '../../src/train/resumed-options.js';
import { RunFolder, defaultRunPath, type RunConfig } from '../../src/train/run.js';
import type { EpochRow, TrainSummary } from '../../src/train/types.js';
import { UserError } from '../../src/util/errors.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-run-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const config: RunConfig = {
  facegrad: '0.1.0',
  created: '2025-03-04T05:06:07.000Z',
  options: {
    model: 'simple-cnn',
    data: '/data/fer2013.csv',
    epochs: 10,
    batchSize: 64,
    lr: 1e-3,
    optimizer: 'adam',
    weightDecay: 0,
    momentum: 0,
    nesterov: false,
    seed: 1,
  },
  data: { name: 'fer2013', fingerprint: 'abc123', train: 28709, val: 3589, test: 3589 },
  classes: ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'],
  mean: [0.5077],
  std: [0.255],
  adapter: 'llvmpipe',
};

const rows: EpochRow[] = [1, 2, 3].map(epoch => ({
  epoch,
  lr: 1e-3 / 3,
  trainLoss: 1.8 / epoch,
  trainAccuracy: 0.1 + 0.2 * epoch,
  valLoss: 1.9 / epoch,
  valAccuracy: 1 / 3,
  seconds: 12.345678901234567,
  imagesPerSecond: 301.00000000000006,
}));

const summary: TrainSummary = {
  model: 'simple-cnn',
  parameters: 1234,
  classes: ['a', 'b'],
  epochs: 3,
  bestEpoch: 2,
  bestValAccuracy: 0.55,
  bestValLoss: 1.2,
  seconds: 36.5,
  imagesPerSecond: 300.25,
  adapter: 'llvmpipe',
  runFolder: 'runs/x',
  interrupted: true,
};

async function begun(path: string): Promise<RunFolder> {
  const run = await RunFolder.create(path);
  await run.begin(config);
  return run;
}

async function rejection(promise: Promise<unknown>): Promise<UserError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

/** Tells of folders that are synced, with their inodes, and lets it fail where a code comes back. */
async function syncing(told: (inode: number) => string | undefined): Promise<void> {
  const handle = await open(folder);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the handle that it is asked of
  const { sync } = prototype;
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const found = await this.stat();
    const code = found.isDirectory() ? told(found.ino) : undefined;
    if (code !== undefined) throw Object.assign(new Error(`${code}: fsync`), { code });
    await sync.call(this);
  });
}

describe('writeFileAtomic', () => {
  it('writes text and bytes and leaves nothing else behind', async () => {
    await writeFileAtomic(join(folder, 'a.txt'), 'text');
    await writeFileAtomic(join(folder, 'b.bin'), Uint8Array.of(0, 255, 10));
    await writeFileAtomic(join(folder, 'a.txt'), 'newer');
    expect((await readdir(folder)).sort()).toEqual(['a.txt', 'b.bin']);
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('newer');
    expect([...(await readFile(join(folder, 'b.bin')))]).toEqual([0, 255, 10]);
  });

  it('keeps the old content and no temporary file where the new one cannot be put in place', async () => {
    const target = join(folder, 'taken');
    await mkdir(target);
    await writeFile(join(target, 'inside'), 'old');
    expect((await rejection(writeFileAtomic(target, 'new'))).message).toContain(`${target} cannot be written`);
    expect(await readdir(folder)).toEqual(['taken']);
    expect(await readFile(join(target, 'inside'), 'utf8')).toBe('old');
  });

  it('never shows a part of a file to a reader', async () => {
    const file = join(folder, 'big');
    const contents = ['a', 'b'].map(letter => letter.repeat(1 << 20));
    await writeFileAtomic(file, contents[0]!);
    const seen = new Set<string>();
    const writing = { done: false };
    const reader = (async () => {
      while (!writing.done) seen.add(await readFile(file, 'utf8'));
    })();
    for (let i = 1; i <= 20; i++) await writeFileAtomic(file, contents[i % 2]!);
    writing.done = true;
    await reader;
    expect(seen.size).toBeGreaterThan(0);
    for (const text of seen) expect(contents.includes(text)).toBe(true);
  });

  it.each(['EINVAL', 'ENOTSUP', 'EACCES'])(
    'takes a folder that cannot be synced, where the system says %s',
    async code => {
      await syncing(() => code);
      await writeFileAtomic(join(folder, 'a.txt'), 'text');
      expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('text');
    },
  );

  it('tells that a folder could not be synced for any other reason', async () => {
    await syncing(() => 'EIO');
    await expect(writeFileAtomic(join(folder, 'a.txt'), 'text')).rejects.toThrow('EIO');
  });

  it('names a path that is no good', async () => {
    const missing = join(folder, 'none', 'a.txt');
    expect((await rejection(writeFileAtomic(missing, ''))).message).toContain(`${missing} cannot be written: ENOENT`);
  });

  it('recognises its temporary names and no others', () => {
    const name = temporaryName('/x/last.safetensors').slice('/x/'.length);
    expect(isTemporaryNameOf(name, 'last.safetensors')).toBe(true);
    expect(isTemporaryNameOf(name, 'best.safetensors')).toBe(false);
    expect(isTemporaryNameOf('.last.safetensors.tmp', 'last.safetensors')).toBe(false);
    expect(isTemporaryNameOf('last.safetensors', 'last.safetensors')).toBe(false);
  });
});

describe('createFolder', () => {
  it.skipIf(process.platform === 'win32')('puts each new folder on disk, in the one above it', async () => {
    const synced: number[] = [];
    await syncing(inode => {
      synced.push(inode);
      return undefined;
    });
    const path = join(folder, 'deep', 'er');
    await createFolder(path);
    const above = [folder, join(folder, 'deep')].map(async one => (await stat(one)).ino);
    expect(synced).toEqual(await Promise.all(above));
    await createFolder(path);
    expect(synced).toHaveLength(2);
  });
});

describe('removeTemporaryFiles', () => {
  it('removes what was left of the files that it is told, and nothing else', async () => {
    const names = ['.a.json.12.tmp', '.a.json.34.tmp', '.b.json.12.tmp', 'a.json', 'a.json.12.tmp'];
    for (const name of names) await writeFile(join(folder, name), '');
    await removeTemporaryFiles(folder, ['a.json']);
    expect((await readdir(folder)).sort()).toEqual(['.b.json.12.tmp', 'a.json', 'a.json.12.tmp']);
  });
});

describe('RunFolder.create', () => {
  it('creates nothing before begin, then the folder with its parents and a config that reads back equal', async () => {
    const path = join(folder, 'deep', 'er', 'run');
    const run = await RunFolder.create(path);
    expect(await readdir(folder)).toEqual([]);
    await run.begin(config);
    expect((await RunFolder.open(path)).config).toEqual(config);
  });

  it('takes an existing folder without a run and leaves what else is in it', async () => {
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await begun(folder);
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'notes.txt']);
  });

  it('refuses a folder that holds a run and names the ways out', async () => {
    await begun(folder);
    const { message } = await rejection(RunFolder.create(folder));
    expect(message).toContain('holds a run already (config.json)');
    expect(message).toContain('--resume');
    expect(message).toContain('--force');
  });

  it('refuses a folder that holds only a part of a run', async () => {
    await writeFile(join(folder, 'last.safetensors'), 'weights');
    expect((await rejection(RunFolder.create(folder))).message).toContain('last.safetensors');
  });

  it("with force removes a run's own files and temporary ones, and only those, and not before begin", async () => {
    const old = await begun(folder);
    await old.writeMetrics(rows);
    await old.writeSummary(summary);
    await writeFile(old.best, 'old');
    await writeFile(join(folder, '.last.safetensors.4711.tmp'), 'half');
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const run = await RunFolder.create(folder, { force: true });
    expect(await readFile(old.best, 'utf8')).toBe('old');
    await run.begin({ ...config, adapter: 'another' });
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'notes.txt']);
    expect((await RunFolder.open(folder)).config.adapter).toBe('another');
  });

  it('refuses at begin what another process has begun since, unless that was forced', async () => {
    const loading = await RunFolder.create(folder);
    const forced = await RunFolder.create(folder, { force: true });
    const other = await begun(folder);
    await writeFile(other.last, 'weights');
    expect((await rejection(loading.begin({ ...config, adapter: 'another' }))).message).toContain(
      'holds a run already',
    );
    expect(await readFile(other.last, 'utf8')).toBe('weights');
    expect((await RunFolder.open(folder)).config).toEqual(config);
    await forced.begin({ ...config, adapter: 'another' });
    expect((await readdir(folder)).sort()).toEqual(['config.json']);
  });

  it('does not let force remove the config.json of something else', async () => {
    await writeFile(join(folder, 'config.json'), '{"compilerOptions": {}}');
    const { message } = await rejection(RunFolder.create(folder, { force: true }));
    expect(message).toContain('config.json');
    expect(await readdir(folder)).toEqual(['config.json']);
  });

  it('refuses a file, and a path through a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect((await rejection(RunFolder.create(file))).message).toContain('is a file');
    expect((await rejection(RunFolder.create(join(file, 'run')))).message).toContain('is a file');
  });

  it('refuses a folder in which it may not write', async () => {
    // Permissions do not bind root; /proc takes no folder from anybody.
    const parent = process.platform === 'linux' ? '/proc' : folder;
    if (parent === folder) await chmod(folder, 0o555);
    const { message } = await rejection(begun(join(parent, 'facegrad', 'run')));
    expect(message).toMatch(/^--out.* cannot be (created|written)/);
    if (parent === folder) await chmod(folder, 0o755);
  });
});

describe('RunFolder.open', () => {
  it('says what is missing', async () => {
    expect((await rejection(RunFolder.open(join(folder, 'none')))).message).toContain('no such run folder');
    expect((await rejection(RunFolder.open(folder))).message).toContain('has no config.json');
  });

  it('names the file and every field that is wrong', async () => {
    const bad = { ...config, options: { ...config.options, lr: 'fast', epochs: 0 }, extra: 1, std: [0] };
    await writeFile(join(folder, 'config.json'), JSON.stringify(bad));
    const { message } = await rejection(RunFolder.open(folder));
    expect(message).toContain(join(folder, 'config.json'));
    expect(message).toMatch(/options\.lr: .*number/);
    expect(message).toContain('options.epochs');
    expect(message).toContain('std.0');
    expect(message).toContain('extra');
  });

  it('says where a config stops being JSON', async () => {
    await writeFile(join(folder, 'config.json'), '{"facegrad": ');
    expect((await rejection(RunFolder.open(folder))).message).toContain('is not JSON');
  });
});

describe('metrics.csv and summary.json', () => {
  it('reads back every number to the last bit', async () => {
    const run = await begun(folder);
    expect(await run.readMetrics()).toEqual([]);
    expect(await run.readSummary()).toBeUndefined();
    await run.writeMetrics(rows);
    await run.writeSummary(summary);
    const again = await RunFolder.open(folder);
    expect(await again.readMetrics()).toEqual(rows);
    expect(await again.readSummary()).toEqual(summary);
    const text = await readFile(join(folder, 'metrics.csv'), 'utf8');
    expect(text.split('\n')).toHaveLength(5);
    expect(text).toMatch(/^epoch,lr,train_loss,train_accuracy,val_loss,val_accuracy,seconds,images_per_second\n1,/);
  });

  it.each([
    ['another header', 'a,b\n', 'line 1'],
    ['a word for a number', ',x,', 'line 3: lr is not a number'],
    ['an empty cell', ',,', 'line 3: lr is not a number'],
    ['a missing epoch', '', 'line 3: epoch 3, expected 2'],
  ])('refuses %s with file and line', async (_what, cell, place) => {
    const run = await begun(folder);
    await run.writeMetrics(rows);
    const file = join(folder, 'metrics.csv');
    const lines = (await readFile(file, 'utf8')).split('\n');
    if (place === 'line 1') lines[0] = cell;
    else if (cell === '') lines.splice(2, 1);
    else lines[2] = lines[2]!.replace(/,[^,]*,/, cell);
    await writeFile(file, lines.join('\n'));
    const { message } = await rejection(run.readMetrics());
    expect(message).toContain(file);
    expect(message).toContain(place);
  });

  it('refuses a summary with a wrong field', async () => {
    const run = await begun(folder);
    await writeFile(run.summary, JSON.stringify({ ...summary, bestEpoch: -1 }));
    expect((await rejection(run.readSummary())).message).toContain('bestEpoch');
  });
});

describe('what a run that goes on tells of its past', () => {
  it('is all of it, or what can be read and why the rest cannot', async () => {
    const run = await begun(folder);
    expect(await run.past()).toEqual({ history: [], summary: undefined, problems: [] });
    await run.writeMetrics(rows);
    await run.writeSummary(summary);
    expect(await run.past()).toEqual({ history: rows, summary, problems: [] });
    await writeFile(run.summary, '\0\u001b[2J');
    await writeFile(join(folder, 'metrics.csv'), 'epoch;lr');
    const { history, summary: none, problems } = await run.past();
    expect([history, none]).toEqual([[], undefined]);
    expect(problems).toEqual([
      expect.stringContaining('metrics.csv, line 1'),
      expect.stringContaining('summary.json is not JSON'),
    ]);
    // Damage says nothing to a terminal.
    expect(problems[1]).toContain('"\\u0000\\u001b[2J"');
  });
});

describe('resumedOptions', () => {
  it('keeps the options of the run; the same value again, more epochs and a moved data set are welcome', () => {
    expect(resumedOptions(config, {})).toEqual(config.options);
    expect(resumedOptions(config, { lr: 1e-3, model: 'simple-cnn', epochs: 12, data: '/elsewhere.csv' })).toEqual({
      ...config.options,
      epochs: 12,
      data: '/elsewhere.csv',
    });
  });

  it.each([
    [{ lr: 1e-2 }, '--lr 0.001, not 0.01'],
    [{ model: 'simple-mlp' }, 'model simple-cnn, not simple-mlp'],
    [{ batchSize: 32 }, '--batch-size 64'],
    [{ limit: 5 }, 'no --limit, not 5'],
    [{ mean: [0.5] }, 'no --mean, not 0.5'],
    [{ epochs: 9 }, '--epochs 9'],
    [{ sampler: 'weighted' }, '--sampler shuffle, not weighted'],
    [{ classWeights: 'balanced' }, '--class-weights none, not balanced'],
  ])('refuses %o', (given, text) => {
    expect(() => resumedOptions(config, given)).toThrow(UserError);
    expect(() => resumedOptions(config, given)).toThrow(text);
  });

  it('takes the second data set where it is now, in a run that has one', () => {
    const joint = { data: '/old.csv', share: 0.3, mapLabels: 'happiness=happy' };
    const jointly = { ...config, options: { ...config.options, joint } };
    expect(resumedOptions(jointly, {}, { jointData: '/older.csv' }).joint).toEqual({ ...joint, data: '/older.csv' });
    expect(() => resumedOptions(config, {}, { jointData: '/older.csv' })).toThrow('begun with no second data set');
  });

  it('compares data by fingerprint', () => {
    expect(() => {
      requireSameData(config, 'abc123', '/moved.csv');
    }).not.toThrow();
    expect(() => {
      requireSameData(config, 'ffff', '/other.csv');
    }).toThrow('/other.csv is not what the run was trained on');
  });
});

describe('options of sampling', () => {
  it('are kept in config.json, and may be given again; a list of exclusions may have moved', async () => {
    const sampling = { sampler: 'weighted:inverse-sqrt', classWeights: 'effective:0.99', exclude: '/data/exclude.csv' };
    const path = join(folder, 'run');
    await (await RunFolder.create(path)).begin({ ...config, options: { ...config.options, ...sampling } });
    const stored = (await RunFolder.open(path)).config;
    expect(stored.options).toMatchObject(sampling);
    expect(resumedOptions(stored, { ...sampling, exclude: '/moved.csv' })).toEqual({
      ...stored.options,
      exclude: '/moved.csv',
    });
    expect(() => resumedOptions(stored, { sampler: 'shuffle' })).toThrow(
      '--sampler weighted:inverse-sqrt, not shuffle',
    );
  });

  it('of a run from before they existed are those that it had', () => {
    expect(resumedOptions(config, { sampler: 'shuffle', classWeights: 'none' }).sampler).toBe('shuffle');
  });
});

describe('defaultRunPath', () => {
  it('bears the model and the local time, and a number where that is taken', async () => {
    const cwd = process.cwd();
    process.chdir(folder);
    try {
      const now = new Date(2025, 0, 2, 3, 4, 5);
      const first = await defaultRunPath('simple-cnn', now);
      expect(first).toBe(join('runs', 'simple-cnn-20250102-030405'));
      await mkdir(first, { recursive: true });
      expect(await defaultRunPath('simple-cnn', now)).toBe(`${first}-2`);
    } finally {
      process.chdir(cwd);
    }
  });
});
