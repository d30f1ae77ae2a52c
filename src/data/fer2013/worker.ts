import { parentPort } from 'node:worker_threads';
import { expose, transfer } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { SPLIT_NAMES } from '../dataset.js';
import type { Place } from '../tree/place.js';
import { readFer2013 } from './read.js';

const api = {
  /** `readFer2013`; the splits' buffers are handed over, not copied. */
  async read(place: Place, onProgress: (fraction: number) => void) {
    const splits = await readFer2013(place, onProgress);
    const buffers = SPLIT_NAMES.flatMap(name => [splits[name].images.buffer, splits[name].labels.buffer]);
    return transfer(splits, buffers);
  },
};

/** What the worker offers to the thread that started it. */
export type Fer2013WorkerApi = typeof api;

expose(api, nodeEndpoint(parentPort!));
