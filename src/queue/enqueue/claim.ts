import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { UserError } from '../../util/errors.js';
import { machineOf, ownName, stateOf } from '../../util/processes.js';
import { enqueuerKey } from '../keys.js';
import { parseEnqueuer, type EnqueuerStatus } from '../protocol.js';

/** A claim that nobody has renewed for so long is over. */
const LIFE_MS = 15_000;

/** Sets the key to what it may become only where it is still what it was. */
const REPLACE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end return 0`;
const REMOVE = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 0`;

/** That one process alone enqueues a study, a comparison or a series. */
export class Claim {
  private constructor(
    private readonly redis: Redis,
    private readonly key: string,
    private readonly own: string,
    private readonly what: string,
  ) {}

  /**
   * @param key of what is enqueued
   * @param what the same for people
   * @throws {UserError} where another process enqueues it
   */
  static async take(redis: Redis, key: string, what: string): Promise<Claim> {
    const status: EnqueuerStatus = { ...ownName(), token: randomUUID() };
    const claim = new Claim(redis, enqueuerKey(key), JSON.stringify(status), what);
    await claim.#take();
    return claim;
  }

  /**
   * Makes it last; once a second or so.
   * @throws {UserError} where another process has it by now, because this one had stood still
   */
  async renew(): Promise<void> {
    if (await this.#replace(this.own)) return;
    await this.#take();
  }

  async release(): Promise<void> {
    await this.redis.eval(REMOVE, 1, this.key, this.own);
  }

  async #take(): Promise<void> {
    if ((await this.redis.set(this.key, this.own, 'PX', LIFE_MS, 'NX')) === 'OK') return;
    const held = await this.redis.get(this.key);
    const other = parseEnqueuer(held);
    if (held === null) return this.#take();
    const state = other && stateOf(other);
    if (state === 'dead' && (await this.#replace(held))) return;
    const who = other ? `process ${other.pid} on ${machineOf(other)}` : 'another program';
    const wait = state === 'alive' ? '' : `; where it no longer runs, in ${LIFE_MS / 1000} seconds`;
    throw new UserError(`${this.what} is being enqueued already, by ${who}${wait}`);
  }

  async #replace(held: string): Promise<boolean> {
    return (await this.redis.eval(REPLACE, 1, this.key, held, this.own, LIFE_MS)) === 1;
  }
}
