import { Refusal } from './refusal.js';

/** Of the images that are being received, wait, or are classified: with the largest bodies they fill 320 MiB. */
export const MOST_AT_ONCE = 32;

/** So many may be in at a time; whoever comes beyond that is sent away. */
export class Places {
  #taken = 0;

  constructor(private readonly most = MOST_AT_ONCE) {}

  /**
   * Runs `work` in a place of its own.
   * @throws {Refusal} where none is free
   */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.most) {
      throw new Refusal(429, `${this.most} images are being classified or wait already; try again in a second`, {
        'Retry-After': '1',
      });
    }
    this.#taken++;
    try {
      return await work();
    } finally {
      this.#taken--;
    }
  }
}
