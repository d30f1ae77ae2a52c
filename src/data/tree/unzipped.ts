import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const CHUNK_BYTES = 256 * 1024;

/** Chunks as they are, or unzipped where the first bytes are those of a gzip file; names are not looked at. */
export async function* unzipped(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await chunks.next();
  if (first.done) return;
  const [a, b] = first.value;
  const whole = chain(first.value, chunks);
  if (a !== 0x1f || b !== 0x8b) {
    yield* whole;
    return;
  }
  const source = Readable.from(whole);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // `pipe` does not hand errors on, and without a listener they would end the process.
  source.on('error', error => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip)) yield chunk as Buffer;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

async function* chain(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
