import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { transfer, wrap, type Remote } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { BadImage, ImageSink } from '../store.js';
// Chooses the readers of images for all workers.
import './image.js';
import type { FileTree } from '../tree/tree.js';
import type { DecodeForm, DecodeWorkerApi, ImageInput } from './worker.js';

/** Images of a batch: large enough that messages cost nothing, small enough that few of them fill no memory. */
const BATCH = 32;
/** A batch out of an archive ends before it holds more than this. */
const BATCH_BYTES = 16 * 1024 * 1024;

export interface DecodeOptions extends DecodeForm {
  /** Told how many files have been decoded, damaged ones among them. */
  readonly onProgress: (done: number) => void;
}

interface Batch {
  /** The slot of each input; they need not lie side by side. */
  readonly slots: readonly number[];
  readonly inputs: readonly ImageInput[];
}

/** A file of a tree and where its image goes. */
export interface ImageFile {
  readonly name: string;
  readonly slot: number;
}

/**
 * Decodes files of a tree, each once, in as many workers as there are cores, into `sink`. A few batches are under way at a time, whatever the number of images.
 *
 * @returns the images that could not be decoded, in the order of their slots
 */
export async function decodeImages(
  tree: FileTree,
  files: readonly ImageFile[],
  sink: ImageSink,
  { onProgress, ...form }: DecodeOptions,
): Promise<BadImage[]> {
  const bad: BadImage[] = [];
  const imageBytes = form.size * form.size * form.channels;
  let done = 0;
  const batches = batchesOf(tree, files);
  const count = Math.max(1, Math.min(availableParallelism(), Math.ceil(files.length / BATCH)));
  const pool = Array.from({ length: count }, () => new DecodeWorker());

  const serve = async (worker: DecodeWorker): Promise<void> => {
    for (;;) {
      // One generator serves all: it hands a batch to whoever asks first.
      const { value: batch, done: ended } = await batches.next();
      if (ended) return;
      const result = await worker.decode(batch, form);
      for (const { index, reason } of result.bad) bad.push({ slot: batch.slots[index]!, reason });
      for (const [first, last] of runsOf(batch.slots)) {
        const images = result.images.subarray(first * imageBytes, (last + 1) * imageBytes);
        await sink.write(batch.slots[first]!, images, result.checksums.slice(first, last + 1));
      }
      done += batch.slots.length;
      onProgress(done);
    }
  };
  try {
    // Two batches for each worker, so that the next one lies ready when it has finished one.
    await Promise.all(pool.flatMap(worker => [serve(worker), serve(worker)]));
  } finally {
    await Promise.all(pool.map(worker => worker.terminate()));
    await batches.return(undefined);
  }
  return bad.sort((a, b) => a.slot - b.slot);
}

class DecodeWorker {
  readonly #worker = new Worker(new URL('./worker.js', import.meta.url));
  readonly #api: Remote<DecodeWorkerApi> = wrap(nodeEndpoint(this.#worker));
  readonly #death: Promise<never>;

  constructor() {
    // A worker that dies answers no call; without this the call would wait for ever.
    this.#death = new Promise<never>((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', code => {
        reject(new Error(`a worker that decodes images ended with code ${code}`));
      });
    });
    // It also ends when all is done and nobody waits any more.
    this.#death.catch(() => undefined);
  }

  decode({ inputs }: Batch, form: DecodeForm) {
    const buffers = inputs.flatMap(input => ('bytes' in input ? [input.bytes.buffer as ArrayBuffer] : []));
    return Promise.race([this.#api.decode(transfer([...inputs], buffers), form), this.#death]);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Batches of files on the disk by path, which workers read; of those in an archive by content. */
async function* batchesOf(tree: FileTree, files: readonly ImageFile[]): AsyncGenerator<Batch, undefined> {
  const [first] = files;
  if (first && tree.location(first.name) !== undefined) {
    for (let start = 0; start < files.length; start += BATCH) {
      const part = files.slice(start, start + BATCH);
      yield {
        slots: part.map(({ slot }) => slot),
        inputs: part.map(({ name }) => ({ name, path: tree.location(name)! })),
      };
    }
    return undefined;
  }
  const slotOf = new Map(files.map(({ name, slot }) => [name, slot]));
  let slots: number[] = [];
  let inputs: ImageInput[] = [];
  let size = 0;
  for await (const { name, bytes } of tree.contents([...slotOf.keys()])) {
    // Small buffers are parts of a shared one, which cannot be handed to a worker.
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
    slots.push(slotOf.get(name)!);
    inputs.push({ name, bytes: own });
    size += own.length;
    if (slots.length < BATCH && size < BATCH_BYTES) continue;
    yield { slots, inputs };
    [slots, inputs, size] = [[], [], 0];
  }
  if (slots.length > 0) yield { slots, inputs };
  return undefined;
}

/** Ranges [first, last] of places at which slots follow one another. */
function runsOf(slots: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  slots.forEach((slot, i) => {
    const run = runs.at(-1);
    if (run && slots[run[1]]! + 1 === slot) run[1] = i;
    else runs.push([i, i]);
  });
  return runs;
}
