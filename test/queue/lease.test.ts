import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { JobLease, type Leased } from '../../src/queue/lease.js';
import { writeFileAtomic } from '../../src/train/files.js';
import { LeaseLost, type Lease } from '../../src/train/lease.js';
import { lockFolder } from '../../src/train/run-lock.js';
import { RunFolder, type RunConfig } from '../../src/train/run.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-lease-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A lock as BullMQ keeps it. */
class Lock implements Leased {
  holder = 'a';
  asked = 0;
  /** Answers only when this is over. */
  silence: Promise<unknown> = Promise.resolve();

  async extendLock(token: string): Promise<number> {
    this.asked++;
    await this.silence;
    return token === this.holder ? 1 : 0;
  }
}

describe('a job’s lease', () => {
  it('is renewed again and again before its time is over', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
    const lock = new Lock();
    const lease = new JobLease('job', lock, 'a', 30_000);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(lease.signal.aborted).toBe(false);
    expect(lock.asked).toBeGreaterThanOrEqual(4);
    lease.end();
    const { asked } = lock;
    await vi.advanceTimersByTimeAsync(100_000);
    expect(lock.asked).toBe(asked);
  });

  it('is lost when another has the lock, and then nothing may be written', async () => {
    const lock = new Lock();
    const lease = new JobLease('job', lock, 'a', 60_000);
    await lease.check();
    lock.holder = 'b';
    await expect(lease.check()).rejects.toThrow(LeaseLost);
    expect(lease.signal.aborted).toBe(true);
    // Also where the lock came back to it by some accident.
    lock.holder = 'a';
    await expect(lease.check()).rejects.toThrow(LeaseLost);
    await expect(lease.during(sleep(60_000))).rejects.toThrow('another worker may have the job');
  });

  it('is lost before its time is over where the queue does not answer, also for who waits for an answer', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] });
    const lock = new Lock();
    lock.silence = new Promise(() => undefined);
    const lease = new JobLease('job', lock, 'a', 30_000);
    const checked = expect(lease.check()).rejects.toThrow('has not answered in time');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(lease.signal.aborted).toBe(false);
    // Another may have it after 30 seconds.
    await vi.advanceTimersByTimeAsync(9_990);
    expect(lease.signal.aborted).toBe(true);
    await checked;
  });

  it('is lost when the machine has slept, though its own clock stood still', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const lock = new Lock();
    lock.silence = new Promise(() => undefined);
    const lease = new JobLease('job', lock, 'a', 30_000);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(3000);
    expect(lease.signal.aborted).toBe(true);
  });

  it('outlives a question that got lost', async () => {
    const lock = new Lock();
    const lease = new JobLease('job', lock, 'a', 60_000);
    lock.silence = Promise.reject(new Error('Connection is closed.'));
    lock.silence.catch(() => undefined);
    const checked = lease.check();
    await sleep(50);
    lock.silence = Promise.resolve();
    await checked;
    lease.end();
  });
});

/** A lease that is granted until it is taken away. */
class Granted implements Lease {
  isLost = false;
  constructor(readonly name = 'job') {}
  check(): Promise<void> {
    return this.isLost ? Promise.reject(new LeaseLost('the job is lost')) : Promise.resolve();
  }
}

const config: RunConfig = {
  ...{ facegrad: '0', created: 'now', classes: ['a', 'b'], mean: [0], std: [1], adapter: 'none' },
  options: {
    ...{ model: 'simple-mlp', data: 'synthetic', epochs: 1, batchSize: 1, lr: 1, optimizer: 'adam', seed: 0 },
    ...{ weightDecay: 0, momentum: 0, nesterov: false },
  },
  data: { name: 'none', fingerprint: 'none', train: 1, val: 1, test: 0 },
};

describe('a run’s folder', () => {
  it('takes nothing from a process that has lost its lease, and keeps no half file of it', async () => {
    const lease = new Granted();
    const path = join(folder, 'lost');
    const run = await RunFolder.create(path, { lease });
    await run.begin(config);
    lease.isLost = true;
    await expect(run.writeMetrics([])).rejects.toThrow(LeaseLost);
    await expect(run.writeConfig({ ...config, created: 'later' })).rejects.toThrow(LeaseLost);
    await expect(run.removeSummary()).rejects.toThrow(LeaseLost);
    await expect(run.lock()).rejects.toThrow(LeaseLost);
    await expect(run.begin({ ...config, created: 'later' })).rejects.toThrow(LeaseLost);
    expect(await readdir(path)).toEqual(['config.json']);
    expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))).toMatchObject({ created: 'now' });
  });

  it('passes to the next holder of the lease while the last one, who stood still, still seems to hold it', async () => {
    const path = join(folder, 'taken');
    const first = await RunFolder.create(path, { lease: new Granted() });
    await first.begin(config);
    await first.lock();
    // Its process lives and has locked the folder; to this one it looks like another of the machine.
    const [lock] = (await readdir(path)).filter(name => name.startsWith('.lock'));
    await rm(join(path, lock!));
    const elsewhere = '.lock.another-machine.17.0badc0de-17';
    await writeFile(join(path, elsewhere), 'job');
    await expect(lockFolder(path)).rejects.toThrow('process 17 on another-machine trains in it');
    await expect(lockFolder(path, 'another job')).rejects.toThrow('process 17 on another-machine trains in it');
    const second = await RunFolder.open(path, { lease: new Granted() });
    await second.lock();
    expect((await readdir(path)).filter(name => name.startsWith('.lock'))).toEqual([lock]);
    await second.unlock();
  });

  it('is not written to by one who was asked in time and stood still before the renaming', async () => {
    const path = join(folder, 'still');
    const run = await RunFolder.create(path, { lease: new Granted() });
    await run.begin(config);
    const file = join(path, 'metrics.csv');
    await writeFile(file, 'the next holder’s');
    const late = writeFileAtomic(file, 'the last holder’s', async () => {
      // The next holder comes while the last one stands still.
      const next = await RunFolder.open(path, { lease: new Granted() });
      await next.lock();
      await next.unlock();
    });
    await expect(late).rejects.toThrow('cannot be written');
    expect(await readFile(file, 'utf8')).toBe('the next holder’s');
  });
});
