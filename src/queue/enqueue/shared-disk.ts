import { setTimeout as sleep } from 'node:timers/promises';

/** What another machine has written shows here within so many milliseconds, or something is wrong. */
const SHOWN_WITHIN_MS = 60_000;
const LOOK_MS = 200;

/**
 * Looks for what another machine has written into the store until it shows: a disk that is shared over a network may keep a
 * folder as it was for some seconds.
 * @throws where it never does
 */
export async function appears<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const start = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() - start > SHOWN_WITHIN_MS) {
      throw new Error(
        `${what} was written by a worker, and does not show here: is --store the same folder on both machines?`,
      );
    }
    await sleep(LOOK_MS);
  }
}
