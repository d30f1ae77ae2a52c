import {
  appendFile,
  mkdtemp,
  open as openFile,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StudyDefinition } from '../../../src/train/study/definition.js';
import { JournalFile } from '../../../src/train/study/journal-file.js';
import { withJournalLock } from '../../../src/train/study/journal-lock.js';
import { parseStudy, readStudy } from '../../../src/train/study/read.js';
import { runStudy, type StudyContext } from '../../../src/train/study/run-study.js';
import { bestRecipe, openSavedStudy } from '../../../src/train/study/saved.js';
import { runFolderOf, Study, valuesOf } from '../../../src/train/study/study.js';
import { workerId, workerState } from '../../../src/train/study/worker.js';
import { UserError } from '../../../src/util/errors.js';
import { bandData } from '../small-run.js';
import { parseRecipe } from '../../../src/train/recipes/index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-study-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const TEXT = `name: first
recipe:
  model:
    name: simple-mlp
set:
  training.epochs: 3
trials: 3
search-space:
  optimizer.lr: { type: float, low: 1e-4, high: 1e-1, log: true }
  training.batch-size: { type: int, low: 16, high: 64, step: 16 }
pruner: { name: median, n-startup-trials: 1 }
`;

const at = (number: number) => `trial-${number}`;
const dead = workerId().replace(/:\d+:/, ':999999999:');

async function open(file: string, definition: StudyDefinition, worker = workerId()) {
  return Study.open(await JournalFile.open(join(folder, file), worker, { create: true }), definition, worker);
}

describe('a study', () => {
  it('has new trials until it has all, and lets another worker go on with those of a dead one', async () => {
    const definition = await parseStudy(TEXT, 's.yaml');
    const killed = await open('a.log', definition, dead);
    expect([killed.isNew, killed.total]).toEqual([true, 3]);
    const first = (await killed.ask(at))!;
    expect(first).toMatchObject({ resumed: false, trial: { number: 0, state: 'running', worker: dead } });
    expect(runFolderOf(first.trial)).toBe('trial-0');
    await killed.report(first.trial, 1, 0.9);

    const living = await open('a.log', definition);
    expect(living.isNew).toBe(false);
    const resumed = (await living.ask(at))!;
    expect(resumed).toMatchObject({ resumed: true, trial: { number: 0, state: 'running', worker: workerId() } });
    expect(valuesOf(resumed.trial)).toEqual(valuesOf(first.trial));
    await expect(killed.report(first.trial, 2, 0.8)).rejects.toThrow("no longer this worker's");
    // The epoch since the last checkpoint comes again.
    expect(await living.report(resumed.trial, 1, 0.9)).toBe(false);
    await living.complete(resumed.trial, 0.9);

    const second = (await living.ask(at))!.trial;
    expect(second.number).toBe(1);
    expect(await living.report(second, 1, 1.5)).toBe(true);
    await living.complete(second, 1.5);
    expect(living.trials[1]).toMatchObject({ state: 'pruned', value: 1.5 });

    const third = (await living.ask(at))!.trial;
    await living.release(third);
    expect((await living.ask(at))!).toMatchObject({ resumed: true, trial: { number: 2 } });
    await living.fail(third, 'it did not go');
    expect(await living.ask(at)).toBeUndefined();
    expect(living.trials.map(({ state }) => state)).toEqual(['complete', 'pruned', 'fail']);
  });

  it('draws the values of its trials from seed and number alone where they are random', async () => {
    const definition = await parseStudy(TEXT, 's.yaml');
    const values: unknown[] = [];
    for (const file of ['b.log', 'c.log']) {
      const study = await open(file, definition);
      values.push(valuesOf((await study.ask(at))!.trial));
    }
    expect(values[0]).toEqual(values[1]);
  });

  it('runs what Optuna queued, with the values that it names', async () => {
    const definition = await parseStudy(TEXT, 's.yaml');
    const study = await open('d.log', definition);
    const queued = {
      ...{ op_code: 4, worker_id: 'optuna', study_id: 0, datetime_start: null, state: 4, value: null, values: null },
      ...{ distributions: {}, params: {}, user_attrs: {}, intermediate_values: {} },
      system_attrs: { fixed_params: { 'optimizer.lr': 0.002 } },
    };
    await appendFile(join(folder, 'd.log'), `${JSON.stringify(queued)}\n`);
    const { trial } = (await study.ask(at))!;
    expect(valuesOf(trial).get('optimizer.lr')).toBe(0.002);
    expect([16, 32, 48, 64]).toContain(valuesOf(trial).get('training.batch-size'));
  });

  it('is not gone on with as another study, or on other data', async () => {
    const study = await open('e.log', await parseStudy(TEXT, 's.yaml'));
    await study.requireData('noise', 'f1');
    await study.requireData('noise', 'f1');
    await expect(study.requireData('noise', 'f2')).rejects.toThrow('begun on other data: noise, fingerprint f1');
    const wider = await parseStudy(TEXT.replace('high: 64', 'high: 128'), 's.yaml');
    await expect(open('e.log', wider)).rejects.toThrow('different now: the search space');
    const longer = await parseStudy(TEXT, 's.yaml', ['training.epochs=4']);
    await expect(open('e.log', longer)).rejects.toThrow("the recipe's fields");
    // What says how it is searched may change.
    const more = await parseStudy(TEXT.replace('trials: 3', 'trials: 9\nsampler: { name: random }'), 's.yaml');
    expect((await open('e.log', more)).total).toBe(9);
  });

  it('gives the best trial as a recipe', async () => {
    const study = await open('f.log', await parseStudy(TEXT, 's.yaml'));
    const { trial } = (await study.ask(at))!;
    await expect(openSavedStudy(join(folder, 'f.log')).then(bestRecipe)).rejects.toThrow('no trial of study first');
    await study.complete(trial, 0.5);
    const { text } = bestRecipe(await openSavedStudy(join(folder, 'f.log')));
    const { options } = parseRecipe(text, 'best.yaml');
    const values = valuesOf(trial);
    expect(options).toMatchObject({
      ...{ model: 'simple-mlp', epochs: 3, lr: values.get('optimizer.lr') },
      batchSize: values.get('training.batch-size'),
    });
    expect(options.data).toBeUndefined();
  });
});

describe('what any trial would have met', () => {
  const reporter: StudyContext['reporter'] = {
    ...{ trialStarted: vi.fn(), step: vi.fn(), epoch: vi.fn(), trialEnded: vi.fn(), note: vi.fn() },
  };
  const contextOf = (name: string, loadData: StudyContext['loadData'], adapter?: string): StudyContext => ({
    ...{ out: join(folder, name), reporter, loadData, adapter, data: 'synthetic', version: 'test' },
    signal: new AbortController().signal,
  });

  it('fails none, and leaves the trial for the next sitting', async () => {
    const definition = await parseStudy(TEXT, 's.yaml');
    const study = await open('hindered.log', definition);
    const noData = () => Promise.reject(new UserError('faces.csv: no such file'));
    await expect(runStudy(study, contextOf('hindered', noData))).rejects.toThrow('faces.csv: no such file');
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting']);
    const data = () => Promise.resolve(bandData(8));
    await expect(runStudy(study, contextOf('hindered', data, 'abacus'))).rejects.toThrow('no WebGPU adapter');
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting']);
    const others = () => Promise.resolve({ ...bandData(8), fingerprint: 'others' });
    await expect(runStudy(study, contextOf('hindered', others))).rejects.toThrow('begun on other data');
    expect(study.trials.map(({ state }) => state)).toEqual(['waiting']);
  });

  it("is told from what is the trial's own", async () => {
    const size = '  model.input-size: { type: int, low: 16, high: 48 }\npruner:';
    const study = await open('own.log', await parseStudy(TEXT.replace('pruner:', size), 's.yaml'));
    const noData = () => Promise.reject(new UserError('too large'));
    await expect(runStudy(study, contextOf('own', noData))).rejects.toThrow('too large');
    expect(study.trials.map(({ state }) => state)).toEqual(['fail', 'fail', 'fail']);
  });
});

describe('a journal file', () => {
  it('is as it was where there is no room for all that is appended', async () => {
    const study = await open('full.log', await parseStudy(TEXT, 's.yaml'));
    const path = join(folder, 'full.log');
    const before = await readFile(path, 'utf8');
    const handle = await openFile(path);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the handle that it is asked of
    const write = prototype.write as (this: FileHandle, ...given: unknown[]) => Promise<{ bytesWritten: number }>;
    let room = 600;
    vi.spyOn(prototype, 'write').mockImplementation(function (
      this: FileHandle,
      bytes: unknown,
      at: unknown,
      length: unknown,
      position: unknown,
    ) {
      // As write(2) does: what there is room for first, and only then a fault.
      if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      const part = Math.min(room, Number(length));
      room -= part;
      return write.call(this, bytes, at, part, position) as never;
    } as unknown as FileHandle['write']);
    await expect(study.ask(at)).rejects.toThrow('full.log cannot be written: ENOSPC');
    expect(await readFile(path, 'utf8')).toBe(before);
    room = 100_000;
    expect((await study.ask(at))!.trial.number).toBe(0);
    vi.restoreAllMocks();
    const other = await JournalFile.open(path, 'other');
    expect(other.replay.study('first')!.trials[0]!.internal.size).toBe(2);
  });

  it('cuts off the half line of a writer that was killed, and reads on where it stood', async () => {
    const path = join(folder, 'half.log');
    const definition = await parseStudy(TEXT, 's.yaml');
    const study = await open('half.log', definition);
    const other = await JournalFile.open(path, 'other');
    await appendFile(path, '{"op_code":4,"worker_id":"killed","stu');
    await study.journal.sync();
    expect(study.trials).toHaveLength(0);
    await study.ask(at);
    await other.sync();
    expect(other.replay.study('first')?.trials).toHaveLength(1);
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines.map(line => (JSON.parse(line) as { op_code: number }).op_code)).toEqual([0, 3, 4, 5, 5, 8]);
  });

  it('lets workers at the same time have different trials', async () => {
    const definition = await parseStudy(TEXT.replace('trials: 3', 'trials: 12'), 's.yaml');
    const studies = await Promise.all([1, 2, 3].map(i => open('many.log', definition, `facegrad@elsewhere:${i}:`)));
    expect(studies.filter(({ isNew }) => isNew)).toHaveLength(1);
    const asked = await Promise.all(studies.flatMap(study => [1, 2, 3, 4].map(() => study.ask(at))));
    expect(asked.map(one => one?.trial.number).sort((a, b) => a! - b!)).toEqual([...Array(12).keys()]);
  });

  it('takes away a lock that nobody renews, and waits for one that is', async () => {
    const path = join(folder, 'lock.log');
    await writeFile(`${path}.lock`, '');
    await utimes(`${path}.lock`, 1, 1);
    expect(await withJournalLock(path, () => Promise.resolve('mine'), 50)).toBe('mine');
    await expect(stat(`${path}.lock`)).rejects.toThrow('ENOENT');
    let inside = 0;
    const enter = async () => {
      expect(++inside).toBe(1);
      await new Promise(resolve => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all([1, 2, 3, 4].map(() => withJournalLock(path, enter)));
  });

  it('says who still works on it', () => {
    expect(workerState(workerId())).toBe('alive');
    expect(workerState(dead)).toBe('dead');
    // A later process with the same number.
    if (process.platform === 'linux') expect(workerState(workerId().replace(/\d+$/, '1'))).toBe('dead');
    expect(workerState('facegrad@elsewhere:1:2')).toBe('unknown');
    expect(workerState('8c0f-140')).toBe('unknown');
  });
});

describe("a study's file", () => {
  const fault = async (from: string, to: string) => {
    await expect(parseStudy(TEXT.replace(from, to), 's.yaml')).rejects.toThrow();
    return parseStudy(TEXT.replace(from, to), 's.yaml').catch((error: unknown) => (error as Error).message);
  };

  it('names line and field of what is wrong', async () => {
    expect(await fault('trials: 3', 'trial: 3')).toBe(
      's.yaml, line 7: trial: there is no such field; did you mean trials? Valid are: name, recipe, set, metric, trials, ' +
        'search-space, sampler, pruner',
    );
    expect(await fault('type: int', 'type: integer')).toContain(
      's.yaml, line 10: search-space.training.batch-size: type is one of float, int, categorical',
    );
    expect(await fault('high: 64', 'hgh: 64')).toContain(
      'did you mean high? Valid are: type, low, high, log, step, grid',
    );
    expect(await fault('high: 64', 'high: 60')).toContain('steps of 16 from 16 do not end at 60: the last is 48');
    expect(await fault('low: 1e-4', 'low: 0')).toContain('a logarithmic range begins above 0');
    expect(await fault('optimizer.lr', 'optimizer.rate')).toContain('a recipe has no field optimizer.rate');
    expect(await fault('low: 16', 'low: 0')).toContain('search-space.training.batch-size: 0 is not possible');
    expect(await fault('training.epochs: 3', 'training.epochs: many')).toContain('s.yaml, line 6: set.training.epochs');
    expect(await fault('optimizer.lr:', 'training.epochs:')).toContain('set and searched at once');
    expect(await fault('simple-mlp', 'simple-mpl')).toContain('s.yaml, line 4: model.name: no model is called');
    expect(await fault('pruner: {', 'sampler: { name: grid }\npruner: {')).toContain('a grid needs its values');
  });

  it('is one of those that come with facegrad too', async () => {
    const b = await readStudy('system-b');
    expect(Object.keys(b.space)).toEqual(['model.dropout', 'training.batch-size', 'optimizer.lr']);
    expect(b).toMatchObject({ metric: 'loss', sampler: { name: 'tpe' }, pruner: { name: 'median' } });
    const study = await open('d-lr.log', await readStudy('system-d-lr'));
    expect(study.total).toBe(7);
    expect(study.state.directions).toEqual(['maximize']);
    await expect(readStudy('system-c')).rejects.toThrow('did you mean system-b?');
  });
});
