import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadDataSet } from '../../src/data/load.js';
import type { ExperimentComparison } from '../../src/evaluate/experiments/index.js';
import { Enqueuer, QueueAddress, QueueConnection, Store } from '../../src/queue/index.js';
import { LANES, PREFIX, queueName, WORKERS } from '../../src/queue/keys.js';
import { portableOptions, withoutFold, withoutPaths } from '../../src/queue/places.js';
import { laneId, PROTOCOL, type Lane, type Task } from '../../src/queue/protocol.js';
import { RunFolder } from '../../src/train/run.js';
import type { SeriesSummary } from '../../src/train/series/index.js';
import { bestTrial } from '../../src/train/study/study.js';
import { openSavedStudy } from '../../src/train/study/saved.js';
import type { EpochRow, TrainOptions } from '../../src/train/types.js';
import { noiseCsv } from '../noise-csv.js';
import { facegrad, jsonLines, start, type Running } from '../cli/facegrad.js';
import { stateOf } from '../train/small-run.js';
import { Proxy } from './proxy.js';
import { lacksRedis, startRedis, type TestRedis } from './redis.js';

const STUDY = `recipe:
  model: { name: simple-mlp, input-size: 16 }
  data: { path: noise.csv }
  training: { epochs: 3 }
search-space:
  optimizer.lr: { type: float, low: 1e-4, high: 1e-2, log: true, grid: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 5e-3] }
  training.batch-size: { type: int, low: 16, high: 32, step: 16 }
  training.seed: { type: int, low: 1, high: 2 }
sampler: { name: grid }
`;

/** Seconds: short, so that what a dead worker had comes back soon; longer than a busy machine holds a process up. */
const LEASE = '4';
const WAIT = { timeout: 60_000, interval: 50 };

describe.skipIf(lacksRedis)('workers', () => {
  let folder: string;
  let redis: TestRedis;
  let proxy: Proxy;
  const running: Running[] = [];

  const inside = (...parts: string[]) => join(folder, 'store', ...parts);
  /** Every process has a password to keep to itself. */
  const url = (port: number) => `redis://:secret@127.0.0.1:${port}`;
  const options = (port: number) => ({
    cwd: folder,
    env: { FACEGRAD_CACHE: join(folder, 'cache'), FACEGRAD_QUEUE: url(port) },
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-workers-'));
    await mkdir(inside());
    await mkdir(join(folder, 'data', 'deep'), { recursive: true });
    const csv = noiseCsv();
    await writeFile(join(folder, 'noise.csv'), csv);
    // Elsewhere on the workers' machine, and beside other data of the same name.
    await writeFile(join(folder, 'data', 'deep', 'noise.csv'), csv);
    await writeFile(join(folder, 'data', 'noise.csv'), csv.replace('\n0,', '\n1,'));
    await writeFile(join(folder, 's.yaml'), STUDY);
    redis = await startRedis(['--requirepass', 'secret']);
    proxy = await Proxy.to(redis.port);
  });

  afterAll(async () => {
    for (const { process: child } of running) child.kill('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    await proxy.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function work(port: number, ...more: string[]): Running {
    const args = ['worker', '--store', 'store', '--data-root', 'data', '--lease', LEASE, '--json', ...more];
    const worker = start(args, options(port));
    running.push(worker);
    return worker;
  }

  interface Event {
    event: string;
    trial: number;
    worker: string;
    resumed: boolean;
    title: string;
    how: string;
    pid: number;
  }

  const eventsOf = (stdout: string) => jsonLines(stdout) as unknown as Event[];

  /** What decides a trial's result. */
  async function trialsOf(path: string) {
    const study = await openSavedStudy(path);
    const trials = study.trials.map(({ state, value, internal, intermediate }) => ({
      ...{ state, value, values: Object.fromEntries(internal), intermediate: Object.fromEntries(intermediate) },
    }));
    return { trials, best: bestTrial(study)?.number };
  }

  it('a study on three workers, one killed and one cut off, has the trials of one on this machine', async () => {
    const local = facegrad(['tune', '--study', 's.yaml', '--out', 'local', '--json'], options(redis.port));
    const [killed, other] = [work(redis.port), work(redis.port)];
    const cut = work(proxy.port);
    await Promise.all([killed, other, cut].map(worker => worker.printed('"event":"ready"')));
    const tune = start(['tune', '--study', 's.yaml', '--queue', '--store', 'store', '--json'], options(redis.port));
    running.push(tune);

    // Each has saved an epoch of a trial, and has two to go.
    await killed.printed('"event":"epoch"');
    killed.process.kill('SIGKILL');
    await cut.printed('"event":"epoch"');
    proxy.cut();
    await cut.printed('"how":"lost"');
    proxy.mend();

    const whole = await local;
    expect(whole.code, whole.stderr).toBe(0);
    const { code, stdout, stderr } = await tune.ended;
    expect(code, stderr).toBe(0);
    const expected = await trialsOf(join(folder, 'local'));
    expect(expected.trials).toHaveLength(24);
    expect(expected.trials.every(({ state }) => state === 'complete')).toBe(true);
    expect(await trialsOf(inside('studies', 's'))).toEqual(expected);

    // What the two had begun went on elsewhere, from where it stood, to the same bits.
    const events = eventsOf(stdout);
    const begun = (worker: Running) =>
      events.filter(({ event, worker: name }) => event === 'trial-start' && name.endsWith(`:${worker.process.pid!}`));
    for (const worker of [killed, cut]) {
      const lost = begun(worker).find(({ trial }) =>
        events.some(one => one.event === 'trial-start' && one.trial === trial && one.resumed),
      );
      expect(lost).toBeDefined();
      const name = `trial-${String(lost!.trial).padStart(4, '0')}`;
      const [ours, theirs] = await Promise.all(
        [join(folder, 'local', name), inside('studies', 's', name)].map(path =>
          stateOf(join(path, 'last.safetensors')),
        ),
      );
      expect(theirs).toEqual(ours);
    }
    expect(events.filter(({ event }) => event === 'trial')).toHaveLength(24);
    expect(events.at(-1)).toMatchObject({ event: 'study', trials: 24, total: 24, interrupted: false });

    // The folders are as if the trials had been trained here, and nothing is left lying about.
    const run = await RunFolder.open(inside('studies', 's', 'trial-0003'));
    expect(run.config.options.data).toBe(join(folder, 'noise.csv'));
    expect((await run.readSummary())!.runFolder).toBe(inside('studies', 's', 'trial-0003'));
    const files = await readdir(inside(), { recursive: true });
    expect(files.filter(file => /\.tmp$|\.lock/.test(file))).toEqual([]);
    const texts = await Promise.all(
      files.filter(file => /\.(json|yaml|log|csv)$/.test(file)).map(file => readFile(inside(file), 'utf8')),
    );
    for (const text of [...texts, stdout, stderr]) expect(text).not.toContain('secret');
  }, 300_000);

  /** The two workers that are left. */
  const alive = () => running.filter(({ process: { spawnargs } }, i) => i > 0 && spawnargs.includes('worker'));
  /** How often they have printed something. */
  const printed = (text: string) =>
    alive().reduce((sum, { outcome }) => sum + outcome.stdout.split(text).length - 1, 0);

  /** A command that enqueues, in this process. */
  async function openEnqueuer(name: string) {
    const notes: string[] = [];
    const refusals: string[] = [];
    const note = (text: string) => {
      notes.push(text);
    };
    const connection = await QueueConnection.open(QueueAddress.parse(url(redis.port)), note);
    const store = await Store.open(inside());
    try {
      const enqueuer = await Enqueuer.open({
        ...{ connection, store, version: '0.1.0', name, title: name },
        reporter: {
          workers: () => undefined,
          worker: (_, change, reason) => {
            if (change === 'refused') refusals.push(reason!);
          },
          note,
        },
      });
      return { connection, store, enqueuer, notes, refusals };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  it('train --folds has the figures of this machine’s, with runs that evaluate here', async () => {
    const train = ['train', 'simple-mlp', '--input-size', '16', '--data', 'noise.csv', '--epochs', '2', '--folds', '2'];
    const [local, queued] = await Promise.all([
      facegrad([...train, '--out', 'folds'], options(redis.port)),
      facegrad([...train, '--out', 'store/folds', '--queue', '--store', 'store', '--json'], options(redis.port)),
    ]);
    expect(local.code, local.stderr).toBe(0);
    expect(queued.code, queued.stderr).toBe(0);
    const [expected, found] = await Promise.all(
      [join(folder, 'folds'), inside('folds')].map(async path => {
        const { statistics } = JSON.parse(await readFile(join(path, 'folds.json'), 'utf8')) as SeriesSummary;
        return statistics;
      }),
    );
    expect(found).toEqual(expected);
    expect(found!.testAccuracy!.count).toBe(2);
    const events = eventsOf(queued.stdout);
    expect(events.filter(({ event }) => event === 'run-start')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ event: 'folds', statistics: found });
    const evaluated = await facegrad(['eval', '--run', 'store/folds/fold-2', '--json'], options(redis.port));
    const { bestValAccuracy } = (await (await RunFolder.open(inside('folds', 'fold-2'))).readSummary())!;
    expect((JSON.parse(evaluated.stdout) as { accuracy: number }).accuracy).toBeCloseTo(bestValAccuracy!, 12);
  });

  it('train --repeats begins from weights and joint data that have other paths at the workers, and goes on with what they left', async () => {
    const [head, ...lines] = (await readFile(join(folder, 'noise.csv'), 'utf8')).split('\n');
    const joint = [head, ...lines.filter((_, i) => i % 3 === 0), ''].join('\n');
    for (const path of ['joint.csv', 'data/joint.csv']) await writeFile(join(folder, path), joint);
    const queue = ['--queue', '--store', 'store', '--json'];
    const train = [
      'train',
      'simple-mlp',
      '--input-size',
      '16',
      '--data',
      'noise.csv',
      '--epochs',
      '12',
      '--repeats',
      '3',
    ];
    const from = ['--init', 'store/folds/fold-1', '--joint-data', 'joint.csv', '--out', 'store/repeats'];
    const first = start([...train, ...from, ...queue], options(redis.port));
    await first.printed('"event":"epoch"', 2);
    first.process.kill('SIGINT');
    const stopped = await first.ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    const rest = await facegrad(['train', '--resume', 'store/repeats', ...queue], options(redis.port));
    expect(rest.code, rest.stderr).toBe(0);
    expect(eventsOf(rest.stdout).at(-1)).toMatchObject({ event: 'repeats', runs: [{}, {}, {}] });
    // Also those that came to their end while no command was there.
    for (const seed of ['seed-0', 'seed-1', 'seed-2']) {
      const { config } = await RunFolder.open(inside('repeats', seed));
      expect(config.options).toMatchObject({
        init: inside('folds', 'fold-1'),
        joint: { data: join(folder, 'joint.csv') },
      });
    }
  });

  it('compare tells what fails and has the figures of this machine’s', async () => {
    await writeFile(join(folder, 'wild.yaml'), 'model: { name: simple-mlp }\noptimizer: { lr: 1e30 }\n');
    const compare = [
      ...['compare', '--recipes', 'wild.yaml', 'system-a/simple-mlp', '--data', 'noise.csv', '--epochs', '1'],
      ...['--seeds', '1,2', '--set', 'schedule.scheduler=null', '--no-tensorboard'],
    ];
    const [local, queued] = await Promise.all([
      facegrad([...compare, '--out', 'compared', '--json'], options(redis.port)),
      facegrad([...compare, '--out', 'store/compared', '--queue', '--store', 'store', '--json'], options(redis.port)),
    ]);
    expect(local.code, local.stderr).toBe(1);
    expect(queued.code, queued.stderr).toBe(1);
    const figures = ({ runs }: ExperimentComparison) =>
      runs.map(({ recipe, seed, state, val, test }) => ({ recipe, seed, state, val, test }));
    const comparison = eventsOf(queued.stdout).at(-1)! as unknown as ExperimentComparison;
    expect(figures(comparison)).toEqual(figures(JSON.parse(local.stdout) as ExperimentComparison));
    expect(comparison.runs.filter(({ state }) => state === 'finished')).toHaveLength(2);
    expect(comparison.runs[0]!.error).toContain('not finite');
    expect(JSON.parse(await readFile(inside('compared', 'comparison.json'), 'utf8'))).toMatchObject({
      runs: comparison.runs,
    });
  });

  it('a study whose command is stopped goes on without it and is collected by the next; its pruner stops trials elsewhere', async () => {
    const study = STUDY.replace(/grid: \[.*?\]/, 'grid: [1e-3, 1e-2]')
      .replace('low: 16, high: 32', 'low: 16, high: 16')
      .replace('low: 1, high: 2', 'low: 1, high: 1')
      .replace('epochs: 3', 'epochs: 40')
      .concat('pruner: { name: median, n-startup-trials: 1 }\n');
    await writeFile(join(folder, 'pruned.yaml'), study);
    const args = ['tune', '--study', 'pruned.yaml', '--queue', '--store', 'store', '--json'];
    const first = start([...args, '--trials', '1'], options(redis.port));
    await first.printed('"event":"epoch"');
    const second = openEnqueuer(`study pruned studies/pruned`);
    await expect(second).rejects.toThrow(`is being enqueued already, by process ${first.process.pid!}`);
    first.process.kill('SIGINT');
    const stopped = await first.ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(eventsOf(stopped.stdout).at(-1)).toMatchObject({ event: 'study', interrupted: true });
    const path = inside('studies', 'pruned');
    expect((await trialsOf(path)).trials).toMatchObject([{ state: 'waiting' }]);

    const rest = await facegrad([...args, '--trials', '1'], options(redis.port));
    expect(rest.code, rest.stderr).toBe(0);
    expect((await trialsOf(path)).trials).toMatchObject([{ state: 'complete' }]);
    // It never stopped.
    expect(printed('"title":"trial 0 of pruned","run"')).toBe(1);

    const more = await facegrad(args, options(redis.port));
    expect(more.code, more.stderr).toBe(0);
    const { trials } = await trialsOf(path);
    expect(trials.map(({ state }) => state)).toEqual(['complete', 'pruned']);
    expect(Object.keys(trials[1]!.intermediate)).toEqual(['1']);
    expect(printed('"title":"trial 1 of pruned","how":"stopped"')).toBe(1);
  });

  /** A run that another command has begun, as a job. */
  async function taskLike(run: string, store: Store, change: (options: TrainOptions) => Partial<Task>): Promise<Task> {
    const { config } = await RunFolder.open(inside(run));
    const options = withoutFold(config.options);
    return {
      ...{ protocol: PROTOCOL, facegrad: config.facegrad, title: 'a run', run: 'nowhere', comment: '' },
      ...{ test: true, evaluate: false, data: { title: 'noise', fingerprint: 'of other data' } },
      ...(await portableOptions(options, store)),
      ...change(options),
    };
  }

  const silent = { started: () => undefined, rows: () => undefined, returned: () => undefined };
  const isThere = () => Promise.resolve(true);

  it('a worker leaves alone what it cannot do, says why, and so does the command that waits', async () => {
    const { connection, store, enqueuer, notes, refusals } = await openEnqueuer('refused');
    const submit = async (name: string, change: Partial<Task>) =>
      enqueuer.submit(name, await taskLike('folds/fold-1', store, () => change), silent, isThere);
    const jobs = [
      await submit('missing', { files: { data: { name: 'missing.csv' } } }),
      await submit('other-data', {}),
      await submit('version', { facegrad: '9.9.9' }),
    ];
    const told = (text: string) =>
      vi.waitFor(() => {
        expect(refusals.filter(one => one.includes(text))).toHaveLength(2);
      }, WAIT);
    await told('missing.csv is not under --data-root');
    await told('not the data of these jobs, noise, fingerprint of other data');
    await told('the jobs were enqueued by facegrad 9.9.9, and this worker is');
    await vi.waitFor(() => {
      expect(notes).toContainEqual(expect.stringContaining('none of the 2 workers'));
    }, WAIT);
    expect(printed('"event":"refused"')).toBe(6);
    for (const job of jobs) await job.withdraw();
    await enqueuer.close();
    connection.close();
  });

  it('jobs that are none are failed, and no worker minds', async () => {
    const { connection, store, enqueuer } = await openEnqueuer('nonsense');
    const good = await taskLike('folds/fold-1', store, () => ({}));
    const { protocol, facegrad: version, files } = good;
    const lane: Lane = { protocol, facegrad: version, store: store.id, data: { title: 'x', fingerprint: 'x' }, files };
    const id = laneId(lane);
    await connection.redis.hset(LANES, id, JSON.stringify(lane));
    const queue = new Queue(queueName(id), { prefix: PREFIX, connection: connection.redis });
    await queue.add('nonsense', { run: '../../etc' });
    const escape = await queue.add('escape', { ...good, run: '../elsewhere' });
    // Its turn comes when nothing else is in the lane, so that it is found only by who looks for it.
    const broken = await queue.add('broken', {}, { delay: 1000 });
    await connection.redis.hset(queue.toKey(broken.id!), 'data', '{"half');
    await vi.waitFor(async () => {
      expect(await queue.getFailedCount()).toBe(3);
    }, WAIT);
    expect((await queue.getJob(escape.id!))!.failedReason).toContain('run: it is not a path in the store');
    await queue.obliterate();
    await queue.close();
    await enqueuer.close();
    connection.close();
    expect(alive().every(({ process: { exitCode } }) => exitCode === null)).toBe(true);
  });

  it('a run whose worker died between its state and its metrics is told of in full', async () => {
    const { connection, store, enqueuer } = await openEnqueuer('behind');
    await cp(inside('folds', 'fold-1'), inside('behind'), { recursive: true });
    const { config } = await RunFolder.open(inside('behind'));
    const data = await loadDataSet(join(folder, 'noise.csv'), { cacheFolder: join(folder, 'cache') });
    const task = await taskLike('behind', store, options => ({
      ...{ run: 'behind', data: { title: data.name, fingerprint: data.fingerprint } },
      options: { ...withoutPaths(options), fold: config.options.fold!, epochs: 4 },
    }));
    const metrics = await readFile(inside('behind', 'metrics.csv'), 'utf8');
    await writeFile(inside('behind', 'metrics.csv'), metrics.split('\n').slice(0, 2).concat('').join('\n'));
    const told: number[][] = [];
    const listener = {
      ...silent,
      rows: (rows: readonly EpochRow[]) => {
        told.push(rows.map(({ epoch }) => epoch));
      },
    };
    const ending = await (await enqueuer.submit('behind', task, listener, isThere)).ended;
    expect(ending).toMatchObject({ outcome: 'complete', rows: [1, 2, 3, 4].map(epoch => ({ epoch })) });
    for (const epochs of told) expect(epochs).toEqual([1, 2, 3, 4].slice(0, epochs.length));
    expect(told.at(-1)!.length).toBeGreaterThan(2);
    await enqueuer.close();
    connection.close();
  });

  it('a worker that is stopped saves, and gives its run back at once', async () => {
    const long = STUDY.replace(/grid: \[.*?\]/, 'grid: [1e-3]')
      .replace('low: 16, high: 32', 'low: 16, high: 16')
      .replace('low: 1, high: 2', 'low: 1, high: 1')
      .replace('epochs: 3', 'epochs: 60');
    await writeFile(join(folder, 'long.yaml'), long);
    const tune = start(['tune', '--study', 'long.yaml', '--queue', '--store', 'store', '--json'], options(redis.port));
    running.push(tune);
    await tune.printed('"event":"epoch"');
    const first = eventsOf(tune.outcome.stdout).find(({ event }) => event === 'trial-start')!.worker;
    const leaving = alive().find(({ process }) => first.endsWith(`:${process.pid!}`))!;
    leaving.process.kill('SIGTERM');
    const ended = await leaving.ended;
    expect(ended.code, ended.stderr).toBe(143);
    expect(ended.stdout).toContain('"how":"given-back"');
    const { code, stdout, stderr } = await tune.ended;
    expect(code, stderr).toBe(0);
    const starts = eventsOf(stdout).filter(({ event }) => event === 'trial-start');
    expect(starts.map(({ resumed }) => resumed)).toEqual([false, true]);
    expect(starts[1]!.worker).not.toBe(first);
  });

  it('a worker of several processes shows no password, and all of them end when it is killed', async () => {
    const connection = await QueueConnection.open(QueueAddress.parse(url(redis.port)), () => undefined);
    const listed = () => connection.redis.smembers(WORKERS);
    const before = await listed();
    const worker = work(redis.port, '--concurrency', '2', '--queue', url(redis.port));
    await worker.printed('"event":"ready"', 2);
    const pids = [worker.process.pid!, ...eventsOf(worker.outcome.stdout).map(({ pid }) => pid)];
    expect(new Set(pids).size).toBe(3);
    // Elsewhere there is no such file.
    const commands = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    expect(commands.join('\n')).not.toContain('secret');
    expect(await listed()).toHaveLength(before.length + 2);
    worker.process.kill('SIGKILL');
    await vi.waitFor(async () => {
      expect(await listed()).toHaveLength(before.length);
    }, WAIT);
    connection.close();
  });
});
