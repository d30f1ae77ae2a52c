import { randomUUID } from 'node:crypto';
import { Job, Worker } from 'bullmq';
import { UserError } from '../../util/errors.js';
import type { QueueConnection } from '../connection.js';
import { laneKey, LANES, PREFIX, queueName, TASK, taskKey } from '../keys.js';
import { now, type JobLease } from '../lease.js';
import { laneId, parseLane, type Lane } from '../protocol.js';
import { queueTime } from '../queue-time.js';

/** A job that this worker has taken. */
export interface Taken {
  readonly lane: string;
  readonly job: Job;
  readonly token: string;
  /** When it was asked for. */
  readonly asked: ConstructorParameters<typeof JobLease>[4];
}

export interface LaneBookContext {
  readonly id: string;
  readonly version: string;
  /** Milliseconds that a job's lock lasts. */
  readonly lease: number;
  /**
   * That this worker can do the jobs of a lane, so far as can be told without loading anything.
   * @throws {UserError} which says why not
   */
  readonly judge: (lane: Lane) => Promise<void>;
  /** Told once when a lane is refused, and again when the reason changes; `title` is that of its data, where it is known. */
  readonly onRefused: (title: string, reason: string) => void;
}

/** BullMQ counts how often a job was taken from a worker that had died; `TASK.tries` counts better. */
const MOST_STALLED = 1e9;
/** A file that was missing may have come. */
const JUDGED_EVERY_MS = 5000;

/**
 * The lanes that there are, and what this worker thinks of each: jobs are taken in turns from those that it can do. Of all lanes
 * that it can do it watches whether workers have died with a job, which then goes back.
 */
export class LaneBook {
  readonly #workers = new Map<string, Worker>();
  readonly #refused = new Map<string, string>();
  readonly #refusedAt = new Map<string, number>();
  /** Lanes that stay refused until this worker ends, however often they are looked at. */
  readonly #final = new Set<string>();
  /** The lane from which a job was taken last. */
  #last: string | undefined;

  constructor(
    private readonly connection: QueueConnection,
    private readonly context: LaneBookContext,
  ) {}

  /** Why lanes are left alone, by lane. */
  get refused(): Record<string, string> {
    return Object.fromEntries(this.#refused);
  }

  /** Leaves a lane alone from now on. */
  refuse(lane: string, title: string, reason: string): void {
    this.#final.add(lane);
    this.#refuse(lane, title, reason);
  }

  /** Looks which lanes there are, and takes a job where one waits. */
  async take(): Promise<Taken | undefined> {
    const lanes = await this.#look();
    // The one after that of the last job first, so that no study waits for the end of another.
    const start = lanes.indexOf(this.#last ?? '') + 1;
    for (const lane of [...lanes.slice(start), ...lanes.slice(0, start)]) {
      const taken = await this.#takeFrom(lane);
      if (!taken) continue;
      this.#last = lane;
      return taken;
    }
    return undefined;
  }

  async close(): Promise<void> {
    for (const worker of this.#workers.values()) await worker.close(true);
  }

  /** The lanes with jobs that this worker can do. */
  async #look(): Promise<string[]> {
    const { redis } = this.connection;
    const lanes = Object.entries(await redis.hgetall(LANES)).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [lane, worker] of this.#workers) {
      if (lanes.some(([id]) => id === lane)) continue;
      this.#workers.delete(lane);
      this.#refused.delete(lane);
      await worker.close(true);
    }
    const able: string[] = [];
    for (const [id, json] of lanes) {
      if (this.#final.has(id)) continue;
      // Jobs that were given back for a while wait only once somebody asks for one when their time has come.
      const [waiting, active, delayed] = await Promise.all([
        redis.llen(laneKey(id, 'wait')),
        redis.llen(laneKey(id, 'active')),
        redis.zcard(laneKey(id, 'delayed')),
      ]);
      // What nobody waits for any more needs no opinion.
      if (waiting + active + delayed === 0) continue;
      if (!(await this.#judge(id, json))) continue;
      if (delayed > 0) await this.#promote(id);
      able.push(id);
    }
    return able;
  }

  async #judge(id: string, json: string): Promise<boolean> {
    if (this.#workers.has(id)) return true;
    const refusedAt = this.#refusedAt.get(id);
    if (refusedAt !== undefined && performance.now() - refusedAt < JUDGED_EVERY_MS) return false;
    let title = 'a study';
    try {
      const lane = parseLane(json, this.context.version);
      title = lane.data.title;
      if (id !== laneId(lane)) throw new UserError('they are not listed under the name that is theirs');
      await this.context.judge(lane);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#refuse(id, title, error.message);
      return false;
    }
    this.#refused.delete(id);
    this.#workers.set(id, await this.#open(id));
    return true;
  }

  #refuse(lane: string, title: string, reason: string): void {
    this.#refusedAt.set(lane, performance.now());
    if (this.#refused.get(lane) === reason) return;
    this.#refused.set(lane, reason);
    this.context.onRefused(title, reason);
  }

  /** BullMQ's worker of a lane: it takes no job before it is asked to. */
  async #open(lane: string): Promise<Worker> {
    const { id, lease } = this.context;
    const worker = new Worker(queueName(lane), null, {
      connection: this.connection.redis,
      prefix: PREFIX,
      autorun: false,
      // The version was looked at when the connection was opened.
      skipVersionCheck: true,
      name: id,
      lockDuration: lease,
      stalledInterval: Math.ceil(lease / 2),
      maxStalledCount: MOST_STALLED,
    });
    // The connection says itself when it is lost.
    worker.on('error', () => undefined);
    await worker.startStalledCheckTimer();
    return worker;
  }

  /**
   * Jobs that were given back for a while wait again as soon as that is over by the queue's clock: BullMQ goes by those of the
   * machine that gave them back and of the one that asks.
   */
  async #promote(lane: string): Promise<void> {
    const { redis } = this.connection;
    const worker = this.#workers.get(lane)!;
    const ids = await redis.zrange(laneKey(lane, 'delayed'), '0', '-1');
    const time = await queueTime(redis);
    for (const id of ids) {
      const until = await redis.hget(taskKey(lane, id), TASK.until);
      if (until === null || Number(until) > time) continue;
      // Another worker may have been faster; one that cannot be read waits for BullMQ.
      const job = await Job.fromId(worker, id).catch(() => undefined);
      await job?.promote().catch(() => undefined);
    }
  }

  async #takeFrom(lane: string): Promise<Taken | undefined> {
    const worker = this.#workers.get(lane)!;
    const token = randomUUID();
    const asked = now();
    let job: Job | undefined;
    try {
      job = await worker.getNextJob(token, { block: false });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      // BullMQ has taken it, and could not read it.
      job = await this.#blank(worker, lane, token);
    }
    return job && { lane, job, token, asked };
  }

  /** A job with a field that was no JSON, without all of them: nobody can do it, and this worker's part is to say so. */
  async #blank(worker: Worker, lane: string, token: string): Promise<Job | undefined> {
    const { redis } = this.connection;
    for (const id of await redis.lrange(laneKey(lane, 'active'), 0, -1)) {
      if ((await redis.get(laneKey(lane, `${id}:lock`))) !== token) continue;
      await redis.hdel(laneKey(lane, id), 'progress', 'parent');
      await redis.hset(laneKey(lane, id), { data: 'null', opts: '{}' });
      return Job.fromId(worker, id);
    }
    return undefined;
  }
}
