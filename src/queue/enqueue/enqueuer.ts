import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueEvents, type Queue } from 'bullmq';
import { UserError } from '../../util/errors.js';
import type { QueueConnection } from '../connection.js';
import {
  enqueuedKey,
  enqueuerKey,
  KEPT_SECONDS,
  laneKey,
  PREFIX,
  queueName,
  taskKey,
  WAKE,
  workerKey,
  WORKERS,
} from '../keys.js';
import { laneId, parseWorker, PROTOCOL, type Lane, type Task, type WorkerStatus } from '../protocol.js';
import type { Store } from '../store.js';
import { Claim } from './claim.js';
import { FollowedJob, requestStop, type JobListener } from './followed.js';
import { announceLane, openLane, removeLane, removeOldLanes } from './lanes.js';

/** Told what becomes of the workers. */
export interface WorkersReporter {
  /** All that there are, about once a second. */
  workers(workers: readonly WorkerStatus[]): void;
  worker(worker: WorkerStatus, change: 'joined' | 'left' | 'refused', reason?: string): void;
  note(text: string): void;
}

export interface EnqueuerContext {
  readonly connection: QueueConnection;
  readonly store: Store;
  readonly version: string;
  /** What is enqueued, so that it is told from all others in the store: its kind and its folder there. */
  readonly name: string;
  /** The same for people. */
  readonly title: string;
  readonly reporter: WorkersReporter;
}

const TICK_MS = 1000;
/** Ticks between two looks at every job, in case that something was missed. */
const SWEEP_TICKS = 3;
/** Milliseconds between two looks whether a job of another version has ended. */
const RETIRE_MS = 1000;

/** Milliseconds in which a connection closes; it is given up with all others then. */
const CLOSE_MS = 1000;

interface LaneLink {
  readonly id: string;
  readonly lane: Lane;
  readonly queue: Queue;
  readonly events: QueueEvents;
}

/**
 * Puts runs into the queue as jobs, and follows them. One process alone enqueues what bears a name; it may end at any time, and
 * the next one finds its jobs, also those that have ended meanwhile.
 */
export class Enqueuer {
  readonly #links = new Map<string, Promise<LaneLink>>();
  readonly #jobs = new Map<string, FollowedJob>();
  readonly #workers = new Map<string, WorkerStatus>();
  readonly #refusals = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #fault = new AbortController();
  #ticking = false;
  #ticks = 0;
  #warned = '';

  private constructor(
    private readonly context: EnqueuerContext,
    private readonly key: string,
    private readonly claim: Claim,
  ) {
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** @throws {UserError} where another process enqueues the same */
  static async open(context: EnqueuerContext): Promise<Enqueuer> {
    const { connection, store, name, title } = context;
    const key = createHash('sha256').update(`${store.id}\n${name}`).digest('hex').slice(0, 12);
    const enqueuer = new Enqueuer(context, key, await Claim.take(connection.redis, key, title));
    try {
      await enqueuer.#lookAtWorkers();
      // Where that does not go, the next command does it.
      await removeOldLanes(connection.redis).catch(() => undefined);
    } catch (error) {
      await enqueuer.close();
      throw error;
    }
    return enqueuer;
  }

  get store(): Store {
    return this.context.store;
  }

  /** The name of what this process alone has while it enqueues; whoever has it next is rid of the locks under it (`lockFolder`). */
  get lease(): string {
    return enqueuerKey(this.key);
  }

  /** Aborted where this process may enqueue no more; the reason is why. */
  get fault(): AbortSignal {
    return this.#fault.signal;
  }

  /** Workers that are there and have not refused any of our lanes. */
  get able(): number {
    const lanes = [...this.#links.keys()];
    return [...this.#workers.values()].filter(({ refused }) => !lanes.some(lane => lane in refused)).length;
  }

  /** The name of a worker, for people. */
  nameOf(worker: string): string {
    const known = this.#workers.get(worker);
    return known ? workerName(known) : worker.replace(/^facegrad@(.*?)(?:@[^:]*)?:(\d+):.*$/, '$1:$2');
  }

  /**
   * Enqueues a job, or finds it where it was enqueued before.
   * @param name unlike that of any other job of this enqueuer
   * @param isThere whether the run of a job that is complete is where it should be; else it is enqueued again
   */
  async submit(name: string, task: Task, listener: JobListener, isThere: () => Promise<boolean>): Promise<FollowedJob> {
    const { redis } = this.context.connection;
    const id = `${this.key}-${name}`;
    const lane = await this.#link(task);
    const before = await redis.hget(enqueuedKey(this.key), name);
    // Another version or other data: what became of it counts for nothing.
    if (before !== null && before !== lane.id) await this.#retire(before, id, task.title);
    await redis.hset(enqueuedKey(this.key), name, lane.id);
    await redis.expire(enqueuedKey(this.key), KEPT_SECONDS);
    const existing = await lane.queue.getJob(id);
    if (existing && (await existing.isCompleted()) && !(await isThere())) await existing.remove();
    const add = async () => {
      await redis.del(taskKey(lane.id, id));
      await this.#announce(lane);
      const kept = { age: KEPT_SECONDS };
      await lane.queue.add(task.title, task, { jobId: id, attempts: 1, removeOnComplete: kept, removeOnFail: kept });
      await redis.publish(WAKE, lane.id);
    };
    const job = new FollowedJob(id, lane.id, lane.queue, redis, listener, async () => {
      this.context.reporter.note(`the queue has lost ${task.title}; it is enqueued again`);
      await add();
    });
    this.#jobs.set(id, job);
    void job.ended.then(() => this.#jobs.delete(id));
    if (!(await lane.queue.getJob(id))) await add();
    await job.refresh();
    return job;
  }

  /** A job whose outcome has been written down is forgotten. */
  async forget(name: string, job: FollowedJob): Promise<void> {
    await job.remove();
    await this.context.connection.redis.hdel(enqueuedKey(this.key), name);
  }

  /** Takes back the jobs that no worker has; the others go on without this process. */
  async withdraw(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(job => job.withdraw()));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { redis } = this.context.connection;
    // One that could not be opened has left nothing.
    const links = (await Promise.allSettled(this.#links.values())).flatMap(link =>
      link.status === 'fulfilled' ? [link.value] : [],
    );
    if (redis.status === 'ready') {
      for (const link of links) await this.#tidy(link).catch(() => undefined);
      await this.claim.release().catch(() => undefined);
    }
    await Promise.all(links.map(closeLink));
  }

  #link(task: Task): Promise<LaneLink> {
    const { data, files } = task;
    const lane: Lane = { protocol: PROTOCOL, facegrad: task.facegrad, store: this.store.id, data, files };
    const id = laneId(lane);
    let link = this.#links.get(id);
    if (!link) {
      link = this.#openLink(id, lane);
      this.#links.set(id, link);
      // The next job of the lane tries again.
      link.catch(() => this.#links.delete(id));
    }
    return link;
  }

  async #openLink(id: string, lane: Lane): Promise<LaneLink> {
    const { connection } = this.context;
    const [last] = await connection.redis.xrevrange(laneKey(id, 'events'), '+', '-', 'COUNT', 1);
    await this.#announce({ id, lane });
    const queue = openLane(connection.redis, id);
    const events = new QueueEvents(queueName(id), {
      prefix: PREFIX,
      skipVersionCheck: true,
      // Of which it makes one of its own.
      connection: connection.redis,
      // Shorter than the silence after which a connection counts as dead.
      blockingTimeout: 5000,
      lastEventId: last?.[0] ?? '0',
    });
    const hear = ({ jobId }: { jobId: string }) => {
      void this.#jobs
        .get(jobId)
        ?.refresh()
        .catch(() => undefined);
    };
    for (const event of ['active', 'progress', 'completed', 'failed', 'stalled', 'waiting', 'delayed'] as const)
      events.on(event, hear);
    // The connection says itself when it is lost.
    events.on('error', () => undefined);
    return { id, lane, queue, events };
  }

  async #announce({ id, lane }: Pick<LaneLink, 'id' | 'lane'>): Promise<void> {
    await announceLane(this.context.connection.redis, id, lane);
  }

  /** Waits until a job of another lane has ended, and removes it. */
  async #retire(lane: string, id: string, title: string): Promise<void> {
    const { connection, reporter } = this.context;
    const queue = openLane(connection.redis, lane);
    try {
      for (let told = false; !this.fault.aborted;) {
        const job = await queue.getJob(id);
        try {
          await job?.remove();
          await connection.redis.del(taskKey(lane, id));
          return;
        } catch {
          // A worker has it, of the version that it was enqueued by.
          await requestStop(connection.redis, lane, id);
        }
        if (!told)
          reporter.note(`${title} was enqueued by another version, or with other data; waiting until its worker stops`);
        told = true;
        await sleep(RETIRE_MS);
      }
    } finally {
      await queue.close();
    }
  }

  /** Leaves nothing of a lane that has no jobs. */
  async #tidy({ id, queue }: LaneLink): Promise<void> {
    const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'completed', 'failed');
    if (Object.values(counts).some(count => count > 0)) return;
    await removeLane(this.context.connection.redis, id);
  }

  async #tick(): Promise<void> {
    if (this.#ticking || this.context.connection.redis.status !== 'ready') return;
    this.#ticking = true;
    try {
      await this.claim.renew().catch((error: unknown) => {
        // What else goes wrong is Redis's affair, and may pass.
        if (!(error instanceof UserError)) throw error;
        this.#fault.abort(error);
      });
      await this.#lookAtWorkers();
      this.#warn();
      if (++this.#ticks % SWEEP_TICKS !== 0) return;
      for (const link of this.#links.values()) await this.#announce(await link);
      for (const job of [...this.#jobs.values()]) await job.refresh();
    } catch {
      // The connection is lost; the next tick looks again.
    } finally {
      this.#ticking = false;
    }
  }

  async #lookAtWorkers(): Promise<void> {
    const { connection, reporter } = this.context;
    const { redis } = connection;
    const ids = await redis.smembers(WORKERS);
    const found = ids.length > 0 ? await redis.mget(ids.map(workerKey)) : [];
    const gone = ids.filter((_, i) => found[i] === null);
    if (gone.length > 0) await redis.srem(WORKERS, ...gone);
    const workers = found.flatMap(json => parseWorker(json ?? null) ?? []);
    for (const [id, worker] of this.#workers) {
      if (workers.some(other => other.id === id)) continue;
      this.#workers.delete(id);
      reporter.worker(worker, 'left');
    }
    for (const worker of workers) {
      if (!this.#workers.has(worker.id)) reporter.worker(worker, 'joined');
      this.#workers.set(worker.id, worker);
      for (const [lane, reason] of Object.entries(worker.refused)) {
        const refusal = `${worker.id} ${lane} ${reason}`;
        if (!this.#links.has(lane) || this.#refusals.has(refusal)) continue;
        this.#refusals.add(refusal);
        reporter.worker(worker, 'refused', reason);
      }
    }
    reporter.workers(workers.sort((a, b) => (workerName(a) < workerName(b) ? -1 : 1)));
  }

  /** Says where jobs wait for nobody. */
  #warn(): void {
    const { reporter, connection, store } = this.context;
    if (this.#jobs.size === 0 || this.able > 0) {
      this.#warned = '';
      return;
    }
    const count = this.#workers.size;
    const text =
      count === 0
        ? `no worker is there: start some with facegrad worker --queue ${connection.address.shown} --store <${store.path} on that machine>`
        : `none of the ${count} workers that are there can do these jobs, which wait for one that can`;
    if (text === this.#warned) return;
    this.#warned = text;
    reporter.note(text);
  }
}

async function closeLink({ queue, events }: LaneLink): Promise<void> {
  // BullMQ waits for the end of a connection, which is not told of one that is just being made anew.
  const closed = new AbortController();
  await Promise.race([events.close().catch(() => undefined), sleep(CLOSE_MS, undefined, closed)]);
  closed.abort();
  await queue.close().catch(() => undefined);
}

export function workerName({ host, pid }: Pick<WorkerStatus, 'host' | 'pid'>): string {
  return `${host}:${pid}`;
}
