import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  columnOf,
  compareRuns,
  comparisonCsv,
  curvesCsv,
  filesOf,
  findRuns,
  locate,
  metricsOf,
  parseFilter,
  readRun,
  sortRuns,
  type RunEntry,
} from '../../../src/train/catalogue/index.js';
import { ownName } from '../../../src/util/processes.js';
import { UserError } from '../../../src/util/errors.js';
import { makeRun, rows } from './runs.js';

/** A process that was. */
const gone = spawnSync(process.execPath, ['--version']).pid;

describe('the state of a run', () => {
  let path: string;
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'facegrad-state-')), 'run');
  });
  afterEach(async () => {
    await rm(join(path, '..'), { recursive: true, force: true });
  });

  const stateOf = async (given: Parameters<typeof makeRun>[1]) => {
    await rm(path, { recursive: true, force: true });
    await makeRun(path, given);
    return (await readRun(path)).state;
  };

  it('is finished once all epochs are done, or it stopped early', async () => {
    expect(await stateOf({ end: 'finished' })).toBe('finished');
    expect(await stateOf({ end: 'finished', options: { epochs: 9 }, summary: { stoppedEarly: true } })).toBe(
      'finished',
    );
  });

  it('is running while its folder is locked, also after an earlier sitting', async () => {
    expect(await stateOf({ running: true })).toBe('running');
    expect(await stateOf({ running: true, end: 'interrupted' })).toBe('running');
    expect(await stateOf({ running: true, end: 'finished', options: { epochs: 5 } })).toBe('running');
  });

  it('is interrupted where it was saved and no epoch has followed', async () => {
    expect(await stateOf({ end: 'interrupted', history: rows(0.5) })).toBe('interrupted');
  });

  it('is killed where nobody trains and no sitting has summed up, also after one that did', async () => {
    expect(await stateOf({})).toBe('killed');
    expect(await stateOf({ end: 'interrupted', summary: { epochs: 1 } })).toBe('killed');
    expect(await stateOf({ end: 'finished', options: { epochs: 5 } })).toBe('killed');
    const { host, start } = ownName();
    await writeFile(join(path, `.lock.${host}.${gone}.${start}`), '');
    expect((await readRun(path)).state).toBe('killed');
  });

  it('is damaged where a file cannot be read, with what is left and the place of the fault', async () => {
    await makeRun(path, { end: 'finished' });
    await writeFile(join(path, 'metrics.csv'), 'epoch,lr\n');
    const { state, fault, summary } = await readRun(path);
    expect(state).toBe('damaged');
    expect(fault).toContain(`${join(path, 'metrics.csv')}, line 1`);
    expect(summary?.seconds).toBe(35.5);
  });
});

describe('the catalogue', () => {
  let folder: string;
  let runs: RunEntry[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-runs-'));
    await makeRun(join(folder, 'a'), {
      ...{ end: 'finished', created: '2026-03-01T10:00:00.000Z' },
      summary: { testAccuracy: 0.58, testLoss: 1.4 },
    });
    await makeRun(join(folder, 'b10'), {
      ...{ end: 'finished', created: '2026-03-02T10:00:00.000Z', history: rows(0.7) },
      options: { model: 'mini-resnet', lr: 0.01, epochs: 1, scheduler: 'cosine', stages: [{ epochs: 1 }] as never },
    });
    await makeRun(join(folder, 'folds', 'b9'), {
      ...{ end: 'interrupted', created: '2026-04-01T10:00:00.000Z', history: [] },
      options: { model: 'mini-resnet' },
    });
    await mkdir(join(folder, 'foreign', 'deep'), { recursive: true });
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other', 'config.json'), '{"model_type": "vit"}');
    await makeRun(join(folder, 'torn'), { end: 'finished' });
    await writeFile(join(folder, 'torn', 'summary.json'), '{"model": ');
    await symlink(folder, join(folder, 'link'));
    const found = await findRuns([folder]);
    runs = found.runs.filter(({ state }) => state !== 'damaged');
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const names = (some: readonly RunEntry[]) => some.map(({ path }) => path.slice(folder.length + 1));

  it('holds what is found below a folder, and tells what is no run or damaged', async () => {
    const found = await findRuns([folder, join(folder, 'a')]);
    expect(names(found.runs)).toEqual(['a', 'b10', join('folds', 'b9'), 'torn']);
    expect(found.runs.at(-1)!.state).toBe('damaged');
    expect(found.faults).toEqual([
      expect.stringContaining(`${join(folder, 'other', 'config.json')} is not what facegrad writes`),
      expect.stringContaining(`${join(folder, 'torn', 'summary.json')} is not JSON`),
      `${join(folder, 'foreign')} holds no run`,
    ]);
    expect((await findRuns([join(folder, 'foreign')])).faults).toEqual([`${join(folder, 'foreign')} holds no run`]);
    await expect(findRuns([join(folder, 'none')])).rejects.toThrow('no such folder');
  });

  it("lists a run's files, but for what is gone by the time it looks", async () => {
    // As a temporary file that was renamed meanwhile, it is named and cannot be found.
    await symlink('nowhere', join(folder, 'a', '.metrics.csv.1.tmp'));
    const files = await filesOf(join(folder, 'a'));
    await rm(join(folder, 'a', '.metrics.csv.1.tmp'));
    expect(files.map(({ name }) => name)).toContain('config.json');
    expect(files.map(({ name }) => name)).not.toContain('.metrics.csv.1.tmp');
  });

  it('finds a run by its path or by its name in the root', async () => {
    expect(await locate('b10', folder)).toBe(join(folder, 'b10'));
    expect(await locate(folder, 'x')).toBe(folder);
    await expect(locate('none', folder)).rejects.toThrow(`none: no such folder, here or in ${folder}`);
  });

  it.each([
    ['model=mini-*', ['b10', 'folds/b9']],
    ['model=MINI-RESNE?', ['b10', 'folds/b9']],
    ['model!=mini-resnet', ['a']],
    ['model=resnet', []],
    ['val_accuracy>60%', ['b10']],
    ['val-accuracy >= 0.6', ['a', 'b10']],
    ['val_accuracy<0.6', []],
    ['lr<1e-2', ['a', 'folds/b9']],
    ['lr<=0.01', ['a', 'b10', 'folds/b9']],
    ['batchSize==64', ['a', 'b10', 'folds/b9']],
    ['batch_size!=64', []],
    ['scheduler=', ['a', 'folds/b9']],
    ['scheduler!=cosine', ['a', 'folds/b9']],
    ['test_accuracy>0', ['a']],
    ['created>=2026-03', ['a', 'b10', 'folds/b9']],
    ['created>2026-03', ['folds/b9']],
    ['created<=2026-03-01', ['a']],
    ['state=inter*', ['folds/b9']],
    ['epochs<3', ['b10', 'folds/b9']],
    ['options.epochs=3', ['a', 'folds/b9']],
  ])('filters by %s', (filter, expected) => {
    expect(names(runs.filter(parseFilter(filter))).map(name => name.replaceAll('\\', '/'))).toEqual(expected);
  });

  it.each([
    ['model', 'expected a column, one of'],
    ['modl=x', 'runs have no column modl; did you mean model?'],
    ['learning_rate=1', 'runs have no column learning_rate'],
    ['model>x', 'a text has no size'],
    ['lr<fast', 'fast is no number'],
    ['created>yesterday', 'yesterday is no time'],
  ])('refuses the filter %s', (filter, message) => {
    expect(() => parseFilter(filter)).toThrow(UserError);
    expect(() => parseFilter(filter)).toThrow(message);
  });

  it.each([
    ['val_accuracy', ['a', 'b10', 'folds/b9']],
    ['val_accuracy:desc', ['b10', 'a', 'folds/b9']],
    ['model:desc,run:desc', ['a', 'folds/b9', 'b10']],
    ['lr:asc,created:desc', ['folds/b9', 'a', 'b10']],
  ])('sorts by %s, runs without a value last', (by, expected) => {
    expect(names(sortRuns(runs, by)).map(name => name.replaceAll('\\', '/'))).toEqual(expected);
  });

  it('refuses to sort by what there is not', () => {
    expect(() => sortRuns(runs, 'acuracy')).toThrow('no column acuracy');
    expect(() => sortRuns(runs, 'lr:down')).toThrow('perhaps :asc or :desc');
  });

  it('gives the figures of the best epoch, wall time, and options that have parts as JSON', () => {
    const [a, b] = runs as [RunEntry, RunEntry];
    const of = (name: string, run: RunEntry) => columnOf(name).of(run);
    expect(['best_epoch', 'val_accuracy', 'val_loss', 'epochs', 'seconds'].map(name => of(name, a))).toEqual([
      ...[2, 0.6, 1.4, 3, 35.5],
    ]);
    expect(of('images_per_second', a)).toBeCloseTo(100, 10);
    expect(of('stages', b)).toBe('[{"epochs":1}]');
    expect(of('nesterov', b)).toBe('false');
  });

  it('compares: what differs, what came of it, and the curves', () => {
    const [a, b] = runs as [RunEntry, RunEntry];
    const metrics = metricsOf(['val_accuracy', 'lr']);
    const comparison = compareRuns([a, b], metrics);
    expect(comparison.differences.map(({ name, values }) => [name, ...values])).toEqual([
      ['model', 'simple-cnn', 'mini-resnet'],
      ['options.epochs', 3, 1],
      ['lr', 0.001, 0.01],
      ['stages', undefined, '[{"epochs":1}]'],
      ['scheduler', undefined, 'cosine'],
    ]);
    const results = new Map(comparison.results.map(({ name, values }) => [name, values]));
    expect(results.get('val_accuracy')).toEqual([0.6, 0.7]);
    expect(results.get('last val_accuracy')).toEqual([0.55, 0.7]);
    expect(results.get('test_accuracy')).toEqual([0.58, undefined]);
    const csv = comparisonCsv(comparison).split('\n');
    expect(csv[0]).toBe(`,${a.path},${b.path}`);
    expect(csv).toContain('stages,,"[{""epochs"":1}]"');
    expect(curvesCsv([a, b], metrics).split('\n')).toEqual([
      'run,epoch,val_accuracy,lr',
      ...[0.5, 0.6, 0.55].map((accuracy, i) => `${a.path},${i + 1},${accuracy},0.001`),
      `${b.path},1,0.7,0.001`,
      '',
    ]);
    expect(() => metricsOf(['epoch'])).toThrow('--metric epoch: no such column');
  });
});
