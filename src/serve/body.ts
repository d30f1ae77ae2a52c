import { MOST_BODY_BYTES } from './api.js';
import { Refusal } from './refusal.js';

/**
 * The body of a request, whether it says its length or not.
 * @throws {Refusal} where it is longer than it may be, empty, packed, or of a type that images do not have
 */
export async function readImageBody(request: Request): Promise<Uint8Array> {
  const { headers, body } = request;
  const type = headers.get('content-type')?.split(';')[0]!.trim().toLowerCase() ?? '';
  if (!/^image\/[\w.+-]+$/.test(type) && type !== 'application/octet-stream') {
    const given = type === '' ? 'no Content-Type' : `the Content-Type ${type}`;
    throw new Refusal(
      415,
      `the body has ${given}: send the bytes of an image file, as image/… or application/octet-stream`,
    );
  }
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') {
    throw new Refusal(415, 'the body has a Content-Encoding: send the bytes of an image file as they are');
  }
  if (Number(headers.get('content-length') ?? 0) > MOST_BODY_BYTES) throw tooLong();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MOST_BODY_BYTES) throw tooLong();
    chunks.push(chunk);
  }
  if (length === 0) throw new Refusal(400, 'there is no body: send the bytes of an image file');
  return Buffer.concat(chunks, length);
}

function tooLong(): Refusal {
  return new Refusal(413, `the body is longer than ${MOST_BODY_BYTES / 2 ** 20} MiB`);
}
