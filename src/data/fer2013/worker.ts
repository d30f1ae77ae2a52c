import { parentPort } from 'node:worker_threads';
import { expose, transfer } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { equalizeImages } from '../augment/equalize.js';
import { SPLIT_NAMES } from '../dataset.js';
import type { Place } from '../tree/place.js';
import { FER2013_SIZE } from './layout.js';
import { readFer2013 } from './read.js';

const api = {
  /** `readFer2013`, with histograms equalised or not; the splits' buffers are handed over, not copied. */
  async read(place: Place, equalize: boolean, onProgress: (fraction: number, images: number) => void) {
    const splits = await readFer2013(place, onProgress);
    if (equalize) for (const name of SPLIT_NAMES) equalizeImages(splits[name].images, FER2013_SIZE * FER2013_SIZE, 1);
    const buffers = SPLIT_NAMES.flatMap(name => [splits[name].images.buffer, splits[name].labels.buffer]);
    return transfer(splits, buffers);
  },
};

/** What the worker offers to the thread that started it. */
export type Fer2013WorkerApi = typeof api;

expose(api, nodeEndpoint(parentPort!));
