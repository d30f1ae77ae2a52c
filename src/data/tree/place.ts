import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { openPromise } from 'yauzl';
import { tarEntries } from './tar-stream.js';

/** Where one file's bytes are; plain data, so that it can be sent to a worker. */
export interface Place {
  readonly kind: 'file' | 'zip' | 'tar';
  /** Of the file, or of the archive. */
  readonly path: string;
  /** Name in the archive. */
  readonly entry?: string;
}

/** Larger chunks read no faster, and the collector is late for external memory: this keeps the garbage small. */
const CHUNK_BYTES = 256 * 1024;

/** What a place is called in messages. */
export function placeName({ path, entry }: Place): string {
  return entry === undefined ? path : `${path}: ${entry}`;
}

/**
 * The bytes of a file, chunk by chunk, without ever holding all of them.
 *
 * @param onProgress told the fraction that has been read, of the archive where a tar archive must be read from its start
 */
export async function* readPlace(place: Place, onProgress: (fraction: number) => void): AsyncGenerator<Uint8Array> {
  switch (place.kind) {
    case 'file': {
      const { size } = await stat(place.path);
      const stream = createReadStream(place.path, { highWaterMark: CHUNK_BYTES });
      yield* chunksOf(stream, size, onProgress);
      return;
    }
    case 'zip': {
      const zip = await openPromise(place.path, { autoClose: false });
      try {
        for await (const entry of zip.eachEntry()) {
          if (entry.fileName !== place.entry) continue;
          yield* chunksOf(await zip.openReadStreamPromise(entry), entry.uncompressedSize, onProgress);
          return;
        }
      } finally {
        zip.close();
      }
      break;
    }
    case 'tar':
      for await (const { name, stream } of tarEntries(place.path, onProgress)) {
        if (name !== place.entry) continue;
        yield* stream;
        return;
      }
  }
  throw new Error(`${placeName(place)}: the entry is not there any more`);
}

async function* chunksOf(
  stream: Readable,
  bytes: number,
  onProgress: (fraction: number) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of stream) {
    const piece = chunk as Uint8Array;
    yield piece;
    done += piece.length;
    onProgress(Math.min(1, done / bytes));
  }
}
