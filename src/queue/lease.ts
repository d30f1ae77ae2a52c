import { setTimeout as sleep } from 'node:timers/promises';
import { LeaseLost, type Lease } from '../train/lease.js';

/** What a lease needs of a job; BullMQ's jobs have it. */
export interface Leased {
  /** Makes the lock with this token last so many milliseconds from now; 0 where it is no longer there. */
  extendLock(token: string, duration: number): Promise<number>;
}

/** A lock is made to last again when this part of its time is over. */
const RENEWED_AFTER = 1 / 3;
/** A worker that has not heard from the queue for this part of the time stops before the job can be another's. */
const LOST_AFTER = 0.9;
const RETRY_MS = 100;

/** Two clocks: one never jumps, the other runs on while the machine sleeps. */
interface Instant {
  readonly steady: number;
  readonly wall: number;
}

/**
 * A worker's right to a job and to write into its run: BullMQ's lock, which it makes to last again and again. It is lost when
 * the lock turns out to be gone, and when the queue has not answered for nearly as long as the lock lasts; from that moment
 * another worker may have the job.
 */
export class JobLease implements Lease {
  readonly #lost = new AbortController();
  readonly #whenLost: Promise<false>;
  readonly #timer: NodeJS.Timeout;
  #granted: Instant;
  #asking = false;

  /**
   * @param name the job's, unlike that of any other
   * @param duration milliseconds that the lock lasts from when it was asked for
   * @param asked when the job was asked for
   */
  constructor(
    readonly name: string,
    private readonly job: Leased,
    private readonly token: string,
    private readonly duration: number,
    asked: Instant = now(),
  ) {
    this.#granted = asked;
    this.#whenLost = new Promise(resolve => {
      this.signal.addEventListener('abort', () => {
        resolve(false);
      });
    });
    this.#timer = setInterval(
      () => {
        if (this.#age > LOST_AFTER * duration) this.#lose('the queue has not answered in time');
        else if (!this.#asking && this.#age > RENEWED_AFTER * duration) void this.#renew();
      },
      Math.max(10, duration / 12),
    );
  }

  /** Aborted when the lease is lost; the reason is a `LeaseLost`. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async check(): Promise<void> {
    while (!this.signal.aborted) {
      const answer = await Promise.race([this.#renew(), this.#whenLost]);
      if (answer) return;
      await sleep(RETRY_MS);
    }
    throw this.signal.reason;
  }

  /** `work`, or a rejection as soon as the lease is lost. */
  async during<T>(work: Promise<T>): Promise<T> {
    const lost = this.#whenLost.then(() => {
      throw this.signal.reason;
    });
    return Promise.race([work, lost]);
  }

  /** The job is given back or done: nothing is made to last any more. */
  end(): void {
    clearInterval(this.#timer);
  }

  get #age(): number {
    const { steady, wall } = now();
    return Math.max(steady - this.#granted.steady, wall - this.#granted.wall);
  }

  /** Whether the lock was there; where the question got lost, nothing is known. */
  async #renew(): Promise<boolean> {
    const asked = now();
    this.#asking = true;
    try {
      if ((await this.job.extendLock(this.token, this.duration)) === 1) {
        this.#granted = asked;
        return !this.signal.aborted;
      }
      this.#lose('another worker may have the job by now');
    } catch {
      // The connection broke; it is made anew, and the next question tells.
    } finally {
      this.#asking = false;
    }
    return false;
  }

  #lose(why: string): void {
    this.end();
    if (!this.signal.aborted) this.#lost.abort(new LeaseLost(`the job is lost: ${why}`));
  }
}

export function now(): Instant {
  return { steady: performance.now(), wall: Date.now() };
}
