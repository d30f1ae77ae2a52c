import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { expose, transfer } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { equalizeImages } from '../augment/equalize.js';
import { decodeImage, UnusableImage } from './image.js';

/** One image of a batch, by its name in the tree: a file on the disk, or bytes out of an archive. */
export type ImageInput = { readonly name: string } & ({ readonly path: string } | { readonly bytes: Uint8Array });

/** What images become. */
export interface DecodeForm {
  readonly size: number;
  readonly channels: 1 | 3;
  /** See `decodeImage`. */
  readonly small: boolean;
  /** Whether histograms are equalised, in this size and these channels. */
  readonly equalize: boolean;
}

export interface DecodedBatch {
  /** (count,size,size,channels); zeros where an image could not be decoded. */
  readonly images: Uint8Array;
  /** CRC-32 of each image. */
  readonly checksums: number[];
  /** Images of the batch that could not be decoded. */
  readonly bad: { readonly index: number; readonly reason: string }[];
}

/** Images of a batch in the works at once: while one is read from the disk another is decoded. */
const AT_ONCE = 2;

const api = {
  async decode(inputs: readonly ImageInput[], { size, channels, small, equalize }: DecodeForm): Promise<DecodedBatch> {
    const bytes = size * size * channels;
    const images = new Uint8Array(inputs.length * bytes);
    const bad: { index: number; reason: string }[] = [];
    let next = 0;
    const lane = async () => {
      while (next < inputs.length) {
        const index = next++;
        try {
          images.set(await decodeImage(bytesOf(inputs[index]!), size, channels, small), index * bytes);
        } catch (error) {
          if (!(error instanceof UnusableImage)) {
            throw new Error(`${inputs[index]!.name}: ${(error as Error).message}`, { cause: error });
          }
          bad.push({ index, reason: error.message });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (equalize) equalizeImages(images, bytes, channels);
    const checksums = inputs.map((_, i) => crc32(images.subarray(i * bytes, (i + 1) * bytes)));
    return transfer({ images, checksums, bad }, [images.buffer]);
  },
};

/** What the worker offers to the thread that started it. */
export type DecodeWorkerApi = typeof api;

function bytesOf(input: ImageInput): Uint8Array {
  if ('bytes' in input) return input.bytes;
  try {
    // A worker has nothing else to do, and decoding goes on in other threads: asking for each step in turn would take longer.
    return readFileSync(input.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UnusableImage('there is no such file');
    if (code === 'EACCES') throw new UnusableImage('no permission to read the file');
    throw error;
  }
}

expose(api, nodeEndpoint(parentPort!));
