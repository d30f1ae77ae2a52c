import type { Redis } from 'ioredis';
import { TASK, taskKey, workerKey, WORKERS } from '../keys.js';
import type { WorkerStatus } from '../protocol.js';

const BEAT_MS = 1000;
/** A worker that has told nothing for so long is counted out. */
const LEAST_LIFE_MS = 5000;

/** Tells once a second that a worker is there and what it does, and hears whether its job is to stop. */
export class Heart {
  readonly #timer: NodeJS.Timeout;
  readonly #life: number;
  #beating = false;

  /**
   * @param lease milliseconds that a job's lock lasts
   * @param onStop told that the job under way is to stop
   */
  constructor(
    private readonly redis: Redis,
    lease: number,
    private readonly status: () => WorkerStatus,
    private readonly onStop: () => void,
  ) {
    this.#life = Math.max(LEAST_LIFE_MS, lease);
    this.#timer = setInterval(() => void this.beat(), BEAT_MS);
  }

  async beat(): Promise<void> {
    // While the connection is lost nothing piles up.
    if (this.#beating || this.redis.status !== 'ready') return;
    this.#beating = true;
    try {
      const status = this.status();
      const { id, job } = status;
      await this.redis.set(workerKey(id), JSON.stringify(status), 'PX', this.#life);
      await this.redis.sadd(WORKERS, id);
      if (!job) return;
      const stop = await this.redis.hget(taskKey(job.lane, job.id), TASK.stop);
      if (stop !== null) this.onStop();
    } catch {
      // The next beat tells it.
    } finally {
      this.#beating = false;
    }
  }

  /** Takes the worker off the list. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const { id } = this.status();
    if (this.redis.status !== 'ready') return;
    await this.redis.del(workerKey(id)).catch(() => undefined);
    await this.redis.srem(WORKERS, id).catch(() => undefined);
  }
}
