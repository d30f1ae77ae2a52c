import { Worker } from 'node:worker_threads';
import { proxy, wrap } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { UserError } from '../../util/errors.js';
import type { Split, SplitName } from '../dataset.js';
import { placeName, type Place } from '../tree/place.js';
import type { Fer2013WorkerApi } from './worker.js';

/**
 * `readFer2013` in a worker, so that the calling thread stays free to draw its progress.
 *
 * @param equalize whether the images' histograms are then equalised
 * @throws {UserError} as `readFer2013` does
 */
export async function readFer2013InWorker(
  place: Place,
  equalize: boolean,
  onProgress: (fraction: number, images: number) => void,
): Promise<Record<SplitName, Split>> {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  // A worker that dies answers no call; without this the call would wait for ever.
  const death = new Promise<never>((_, reject) => {
    worker.once('error', reject);
    worker.once('exit', code => {
      reject(new Error(`the worker that reads ${placeName(place)} ended with code ${code}`));
    });
  });
  try {
    const api = wrap<Fer2013WorkerApi>(nodeEndpoint(worker));
    return await Promise.race([api.read(place, equalize, proxy(onProgress)), death]);
  } catch (error) {
    // An error's class does not survive the way between threads; its name does.
    throw error instanceof Error && error.name === 'UserError' ? new UserError(error.message) : error;
  } finally {
    await worker.terminate();
  }
}
