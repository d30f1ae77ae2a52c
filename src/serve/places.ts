import { MOST_BODY_BYTES } from './api.js';
import { Refusal } from './refusal.js';

/** Of the images that are being received, wait, or are classified. */
export const MOST_AT_ONCE = 64;
/** Of their bodies, in bytes: 32 of the longest. */
const MOST_BYTES_AT_ONCE = 32 * MOST_BODY_BYTES;

/** So many may be in at a time; whoever comes beyond that is sent away. */
export class Places {
  #taken = 0;
  #bytes = 0;

  constructor(
    private readonly most = MOST_AT_ONCE,
    private readonly mostBytes = MOST_BYTES_AT_ONCE,
  ) {}

  /**
   * Runs `work` in a place of its own, which holds up to `bytes`.
   * @throws {Refusal} where there is none
   */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.most || this.#bytes + bytes > this.mostBytes) {
      const text = `${this.#taken} images are being classified or wait already; try again in a second`;
      throw new Refusal(429, text, { 'Retry-After': '1' });
    }
    this.#taken++;
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#taken--;
      this.#bytes -= bytes;
    }
  }
}
