import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EpochRow } from '../../train/types.js';
import { STOP, TASK, taskKey } from '../keys.js';
import { parseOutcome, rowSchema, type Outcome } from '../protocol.js';

/** How a job ends for the process that has enqueued it. `left`: it goes on without this process. */
export type Ending = Outcome | { readonly outcome: 'withdrawn' | 'left' };

export interface JobListener {
  /** A worker has begun it, or gone on with it; its id. */
  started(worker: string, resumed: boolean): void;
  /** Its epochs so far, in order. */
  rows(rows: readonly EpochRow[]): void;
  /** The worker that had it gave it back, and said why, or is gone. */
  returned(why?: string): void;
}

/** Said of a job that came back where its worker has not said why. */
export const LOST = 'its worker gave it back, or is gone';

/** A job that was enqueued, watched until it ends. */
export class FollowedJob {
  /** How it ended. Never rejects. */
  readonly ended: Promise<Ending>;
  #settle!: (ending: Ending) => void;
  #isOver = false;
  #leaving = false;
  #starts = 0;
  #active = false;
  #rows = 0;
  /** Why it was given back the last time. */
  #why: string | undefined;
  /** The look under way, and whether something has happened since it began. */
  #look: Promise<void> | undefined;
  #again = false;

  /** @param enqueue puts the job, which Redis has lost, into the queue again */
  constructor(
    readonly id: string,
    private readonly lane: string,
    private readonly queue: Queue,
    private readonly redis: Redis,
    private readonly listener: JobListener,
    private readonly enqueue: () => Promise<void>,
  ) {
    this.ended = new Promise(resolve => {
      this.#settle = resolve;
    });
  }

  /** Looks how the job is, and tells what has changed. Something may have happened, or been missed. */
  refresh(): Promise<void> {
    if (this.#look) {
      this.#again = true;
      return this.#look;
    }
    this.#again = false;
    this.#look = this.#refresh().finally(() => {
      this.#look = undefined;
      if (this.#again) void this.refresh().catch(() => undefined);
    });
    return this.#look;
  }

  /** Has the worker that trains it stop, or whoever takes it. */
  async stop(): Promise<void> {
    await requestStop(this.redis, this.lane, this.id);
  }

  /** Takes the job back out of the queue, where no worker has it; else leaves it to its worker. */
  async withdraw(): Promise<void> {
    // From now on it may be missing.
    this.#leaving = true;
    await this.refresh();
    const job = this.#isOver ? undefined : await this.queue.getJob(this.id);
    try {
      await job?.remove();
      await this.redis.del(taskKey(this.lane, this.id));
      this.#end({ outcome: 'withdrawn' });
    } catch {
      // BullMQ removes none that a worker has.
      this.#end({ outcome: 'left' });
    }
  }

  /** The job needs nothing any more: what came of it is known. */
  async remove(): Promise<void> {
    const job = await this.queue.getJob(this.id);
    await job?.remove();
    await this.redis.del(taskKey(this.lane, this.id));
  }

  async #refresh(): Promise<void> {
    const job = this.#isOver ? undefined : await this.queue.getJob(this.id);
    if (this.#isOver) return;
    if (!job) {
      if (!this.#leaving) await this.enqueue();
      return;
    }
    const state = await job.getState();
    const isDone = state === 'completed' || state === 'failed';
    const fields = await this.redis.hgetall(taskKey(this.lane, this.id));
    this.#tellStart(job, state === 'active', isDone, fields[TASK.why]);
    this.#tellRows(fields);
    if (!isDone) return;
    // What came of it may not have been there a moment ago.
    const done = await this.queue.getJob(this.id);
    if (done) this.#end(state === 'completed' ? outcomeOf(done) : failureOf(done));
  }

  #tellStart(
    { attemptsStarted, processedBy = 'a worker' }: Job,
    isActive: boolean,
    isDone: boolean,
    why?: string,
  ): void {
    const isNew = attemptsStarted > this.#starts;
    if (this.#active && (isNew || !(isActive || isDone))) {
      this.#active = false;
      // Where a folder is in use, it is the same every ten seconds.
      if (why === undefined || why !== this.#why) this.listener.returned(why);
      this.#why = why;
    }
    if (isNew && (isActive || isDone)) {
      this.#active = true;
      this.listener.started(processedBy, attemptsStarted > 1);
    }
    this.#starts = attemptsStarted;
  }

  #tellRows(fields: Readonly<Record<string, string>>): void {
    const rows = Object.entries(fields).flatMap(([field, json]) => {
      const row = TASK.isRow(field) ? rowSchema.safeParse(parsed(json)) : undefined;
      return row?.success ? [row.data] : [];
    });
    rows.sort((a, b) => a.epoch - b.epoch);
    const gap = rows.findIndex(({ epoch }, i) => epoch !== i + 1);
    const known = gap < 0 ? rows : rows.slice(0, gap);
    if (known.length <= this.#rows) return;
    this.#rows = known.length;
    this.listener.rows(known);
  }

  #end(ending: Ending): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle(ending);
  }
}

/** Has whoever trains a job, or takes it, stop. */
export async function requestStop(redis: Redis, lane: string, id: string): Promise<void> {
  await redis.hset(taskKey(lane, id), TASK.stop, '1');
  await redis.publish(STOP, `${lane}:${id}`);
}

function failureOf({ failedReason }: Job): Outcome {
  return { outcome: 'failed', error: failedReason || 'no reason was given', usage: false };
}

function outcomeOf(job: Job): Outcome {
  try {
    return parseOutcome(job.returnvalue);
  } catch (error) {
    return { outcome: 'failed', error: (error as Error).message, usage: false };
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
