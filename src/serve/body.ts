import type { IncomingMessage } from 'node:http';
import { MOST_BODY_BYTES } from './api.js';
import { Refusal } from './refusal.js';

/**
 * That the body of a request is said to be an image, as it is.
 * @throws {Refusal}
 */
export function requireImage({ headers }: IncomingMessage): void {
  const type = headers['content-type']?.split(';')[0]!.trim().toLowerCase() ?? '';
  if (!/^image\/[\w.+-]+$/.test(type) && type !== 'application/octet-stream') {
    const given = type === '' ? 'no Content-Type' : `the Content-Type ${type}`;
    throw new Refusal(
      415,
      `the body has ${given}: send the bytes of an image file, as image/… or application/octet-stream`,
    );
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new Refusal(415, 'the body has a Content-Encoding: send the bytes of an image file as they are');
  }
}

/**
 * Bytes that the body of a request may come to: what it says, else as many as are taken.
 * @throws {Refusal} where it says that it is longer than that
 */
export function lengthOf({ headers }: IncomingMessage): number {
  const length = Number(headers['content-length'] ?? MOST_BODY_BYTES);
  if (length > MOST_BODY_BYTES) throw tooLong();
  return length;
}

/**
 * The body of a request, whether it says its length or not. What comes after a refusal is left unread.
 * @throws {Refusal} where it is longer than it may be, or empty
 */
export async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const body = await readAll(incoming);
  if (body.length === 0) throw new Refusal(400, 'there is no body: send the bytes of an image file');
  return body;
}

/** Reads by events: an iterator would close the connection, and with it the way back, where it stops before the end. */
function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > MOST_BODY_BYTES) stop(tooLong());
      else chunks.push(chunk);
    };
    const onEnd = () => {
      stop();
    };
    const onClose = () => {
      stop(new Error('the connection was closed before the body had ended'));
    };
    const stop = (error?: Error) => {
      incoming.pause().off('data', onData).off('end', onEnd).off('error', stop).off('close', onClose);
      if (error) reject(error);
      else resolve(Buffer.concat(chunks, length));
    };
    incoming.on('data', onData).on('end', onEnd).on('error', stop).on('close', onClose);
    if (incoming.destroyed) onClose();
  });
}

function tooLong(): Refusal {
  return new Refusal(413, `the body is longer than ${MOST_BODY_BYTES / 2 ** 20} MiB`);
}
