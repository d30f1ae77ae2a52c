import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import { Claim } from '../../src/queue/enqueue/claim.js';
import { FollowedJob, type JobListener } from '../../src/queue/enqueue/followed.js';
import { Enqueuer, PROTOCOL, QueueAddress, QueueConnection, runWorker, Store } from '../../src/queue/index.js';
import { LANES, LANES_SEEN, PREFIX, queueName, TASK, taskKey } from '../../src/queue/keys.js';
import { laneId, type Lane, type Task } from '../../src/queue/protocol.js';
import { isRefusal, withoutUser } from '../../src/queue/queue-faults.js';
import { RunFolder } from '../../src/train/run.js';
import type { TrainOptions } from '../../src/train/types.js';
import { bandData } from '../train/small-run.js';
import { Proxy } from './proxy.js';
import { lacksRedis, startRedis, type TestRedis } from './redis.js';

const VERSION = '0.1.0';
const WAIT = { timeout: 60_000, interval: 20 };

const options: TrainOptions = {
  ...{ model: 'simple-mlp', data: 'synthetic', epochs: 1, batchSize: 8, lr: 1e-3, optimizer: 'adam', seed: 0 },
  ...{ weightDecay: 0, momentum: 0, nesterov: false },
};

const silent: JobListener = { started: () => undefined, rows: () => undefined, returned: () => undefined };
const nobody = { workers: () => undefined, worker: () => undefined, note: () => undefined };

describe.skipIf(lacksRedis)('a queue in which something goes wrong', () => {
  let folder: string;
  let redis: TestRedis;
  let store: Store;
  let connection: QueueConnection;
  const closing: (() => unknown)[] = [];

  const connect = (port = redis.port) =>
    QueueConnection.open(QueueAddress.parse(`redis://127.0.0.1:${port}`), () => undefined);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-faults-'));
    redis = await startRedis();
    store = await Store.open(folder);
    // No run can be below it.
    await writeFile(store.resolve('file'), '');
    connection = await connect();
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await connection.redis.flushall();
  });

  afterAll(async () => {
    connection.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function enqueuer(name: string): Promise<Enqueuer> {
    const context = { connection, store, version: VERSION, name, title: name, reporter: nobody };
    const opened = await Enqueuer.open(context);
    closing.push(() => opened.close());
    return opened;
  }

  /** A job; where nothing else is said, one that fails, because its folder cannot be. */
  const task = (run = 'file/run', change: Partial<Task> = {}): Task => ({
    ...{ protocol: PROTOCOL, facegrad: VERSION, title: run, run, options, files: {}, comment: '' },
    ...{ test: false, evaluate: false, data: { title: 'bands', fingerprint: 'bands' } },
    ...change,
  });
  const laneOf = ({ data, files }: Task): Lane => ({
    ...{ protocol: PROTOCOL, facegrad: VERSION, store: store.id, data, files },
  });
  const failureOf = async (job: FollowedJob) => {
    const ending = await job.ended;
    return ending.outcome === 'failed' ? ending.error : ending.outcome;
  };
  const isThere = () => Promise.resolve(true);

  /** A worker in this process. */
  async function work(load: () => Promise<DataSet> = () => Promise.resolve(bandData(8, 8, 8))) {
    const own = await connect();
    const stop = new AbortController();
    const notes: string[] = [];
    const ends: string[] = [];
    const refused: string[] = [];
    const ended = runWorker({
      ...{ connection: own, store, dataRoots: [], version: VERSION, lease: 30, signal: stop.signal, load },
      reporter: {
        ...{ ready: () => undefined, started: () => undefined, epoch: () => undefined },
        ended: (_job, how, why) => ends.push(`${how}: ${why}`),
        refused: (_data, reason) => refused.push(reason),
        note: text => notes.push(text),
      },
    }).finally(() => {
      own.close();
    });
    ended.catch(() => undefined);
    closing.push(() => {
      stop.abort();
      return ended.catch(() => undefined);
    });
    return { ended, notes, ends, refused };
  }

  it('a job that ends three workers in a row ends no fourth one', async () => {
    const job = await (await enqueuer('deadly')).submit('run', task(), silent, isThere);
    const load = () => Promise.reject(Object.assign(new Error('a disk that fails'), { code: 'EIO' }));
    for (let i = 0; i < 3; i++) await expect((await work(load)).ended).rejects.toThrow('a disk that fails');
    await work(load);
    expect(await failureOf(job)).toContain('3 workers in a row');
  });

  it('a Redis that refuses for a while ends neither a worker nor a command', async () => {
    const commands = await enqueuer('refused');
    const job = await commands.submit('run', task(), silent, isThere);
    const renew = vi.spyOn(Claim.prototype, 'renew');
    await connection.redis.config('SET', 'min-replicas-to-write', '1');
    const error = await connection.redis.set('a', 'b').catch((error: unknown) => error);
    expect(isRefusal(error)).toBe(true);
    const worker = await work();
    await vi.waitFor(() => {
      expect(worker.notes).toEqual([expect.stringContaining('the queue refuses: NOREPLICAS')]);
      expect(renew.mock.settledResults.some(({ type }) => type === 'rejected')).toBe(true);
    }, WAIT);
    renew.mockRestore();
    expect(commands.fault.aborted).toBe(false);
    await connection.redis.config('SET', 'min-replicas-to-write', '0');
    expect(await job.ended).toMatchObject({ outcome: 'failed', usage: true });
  });

  it('what is malformed is failed or left alone, and what Redis has forgotten is nobody’s', async () => {
    const { redis: client } = connection;
    const lane = laneOf(task());
    const queue = new Queue(queueName(laneId(lane)), { prefix: PREFIX, connection: client });
    closing.push(() => queue.close());
    await client.hset(LANES, { 'a:b': JSON.stringify(lane), [laneId(lane)]: JSON.stringify(lane) });
    await client.rpush(`${PREFIX}:${queueName('a:b')}:wait`, '1');
    const broken = await queue.add('broken', {});
    await client.hset(queue.toKey(broken.id!), { progress: '{', parent: '{' });
    await queue.add('long', task(`runs/${'x'.repeat(256)}`));
    const forgotten = await queue.add('forgotten', task());
    let loads = 0;
    const worker = await work(async () => {
      loads++;
      await client.del(queue.toKey(forgotten.id!));
      return bandData(8, 8, 8);
    });
    await vi.waitFor(() => {
      expect(worker.ends).toHaveLength(3);
      expect(worker.refused).toEqual([expect.stringContaining('not listed under the name')]);
    }, WAIT);
    expect(worker.ends.map(end => end.replace(/:.*/, ''))).toEqual(['failed', 'failed', 'lost']);
    expect(loads).toBe(1);
    // It is there still.
    const job = await (await enqueuer('after')).submit('run', task(), silent, isThere);
    expect(await job.ended).toMatchObject({ outcome: 'failed', usage: true });
  });

  it('a folder that another machine seems to hold is told of; the job’s own earlier worker does not hold it', async () => {
    const commands = await enqueuer('held');
    const why: (string | undefined)[] = [];
    await mkdir(store.resolve('held'));
    const lock = store.resolve('held/.lock.elsewhere.17.0badc0de-17');
    await writeFile(lock, '');
    await work();
    const listener = { ...silent, returned: (text?: string) => why.push(text) };
    const job = await commands.submit(
      'run',
      task('held', { options: { ...options, model: 'none' } }),
      listener,
      isThere,
    );
    await vi.waitFor(() => {
      expect(why).toEqual([expect.stringContaining(`if it no longer runs, remove ${lock}`)]);
    }, WAIT);
    // The clock of the machine that gave it back was far ahead.
    const lane = laneId(laneOf(task()));
    await connection.redis.zadd(`${PREFIX}:${queueName(lane)}:delayed`, 'XX', String(1e16), job.id);
    await connection.redis.hset(taskKey(lane, job.id), TASK.until, '0');
    const run = await RunFolder.create(store.resolve('begun'));
    await run.begin({
      ...{ facegrad: VERSION, created: 'now', classes: ['a', 'b'], mean: [0], std: [1], adapter: 'none' },
      ...{ options, data: { name: 'bands', fingerprint: 'bands', train: 8, val: 8, test: 0 } },
    });
    await rm(lock);
    expect(await failureOf(job)).toContain('none');

    await writeFile(store.resolve('begun/.lock.elsewhere.17.0badc0de-17'), job.id.replace(/run$/, 'other'));
    const other = task('begun', { options: { ...options, lr: 1 } });
    expect(await failureOf(await commands.submit('other', other, silent, isThere))).toContain(
      'holds a run of other options',
    );
  });

  it('a command that cannot begin lets others have what it claimed', async () => {
    const context = { connection, store, version: VERSION, name: 'claimed', title: 'claimed' };
    const workers = () => {
      throw new Error('nowhere to tell it');
    };
    await expect(Enqueuer.open({ ...context, reporter: { ...nobody, workers } })).rejects.toThrow('nowhere');
    const commands = await enqueuer('claimed');
    const events = `${PREFIX}:${queueName(laneId(laneOf(task())))}:events`;
    await connection.redis.set(events, 'no stream');
    await expect(commands.submit('run', task(), silent, isThere)).rejects.toThrow('WRONGTYPE');
    await commands.close();
    const again = await enqueuer('claimed');
    await expect(again.submit('run', task(), silent, isThere)).rejects.toThrow('WRONGTYPE');
    await connection.redis.del(events);
    await again.submit('run', task(), silent, isThere);
  });

  it('lanes that no command has needed for a month go, with what nobody has collected', async () => {
    const { redis: client } = connection;
    for (const lane of ['old', 'unknown']) {
      const queue = new Queue(queueName(lane), { prefix: PREFIX, connection: client });
      await queue.add('uncollected', {});
      await queue.close();
      await client.hset(LANES, lane, '{}');
    }
    await client.hset(LANES_SEEN, 'old', Date.now() - 31 * 24 * 3600 * 1000);
    await enqueuer('later');
    expect(await client.keys(`${PREFIX}:${queueName('old')}:*`)).toEqual([]);
    expect(await client.hkeys(LANES)).toEqual(['unknown']);
    expect(await client.hkeys(LANES_SEEN)).toEqual(['unknown']);
    expect(await client.llen(`${PREFIX}:${queueName('unknown')}:wait`)).toBe(1);
  });

  it('a command ends while the network is away', async () => {
    const proxy = await Proxy.to(redis.port);
    const own = await connect(proxy.port);
    const context = { connection: own, store, version: VERSION, name: 'away', title: 'away', reporter: nobody };
    const commands = await Enqueuer.open(context);
    await commands.submit('run', task(), silent, isThere);
    const isListening = async () => /cmd=xread/.test(String(await connection.redis.client('LIST')));
    await vi.waitFor(async () => {
      expect(await isListening()).toBe(true);
    }, WAIT);
    await proxy.close();
    await vi.waitFor(() => {
      expect(own.redis.status).toBe('reconnecting');
    }, WAIT);
    await commands.close();
    own.close();
  });
});

it('what Redis refuses is told without the name of the user', () => {
  expect(withoutUser("NOPERM User anna has no permissions to run the 'info' command")).toBe(
    "NOPERM this user has no permissions to run the 'info' command",
  );
});

it('a job is looked at once more where something happened during a look', async () => {
  const looks: (() => void)[] = [];
  const queue = {
    getJob: () =>
      new Promise(resolve => {
        looks.push(() => {
          resolve({ attemptsStarted: 0, getState: () => Promise.resolve('waiting') });
        });
      }),
  };
  const client = { hgetall: () => Promise.resolve({}) };
  const enqueue = () => Promise.resolve();
  const job = new FollowedJob('id', 'lane', queue as never, client as never, silent, enqueue);
  const first = job.refresh();
  void job.refresh();
  looks[0]!();
  await first;
  await vi.waitFor(() => {
    expect(looks).toHaveLength(2);
  });
  looks[1]!();
  // Nothing has happened since.
  await new Promise(resolve => setImmediate(resolve));
  expect(looks).toHaveLength(2);
});
