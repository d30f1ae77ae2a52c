import { ask } from './answer.js';

/**
 * A file of the server's.
 *
 * @param bytes what the server said of its length
 * @param onProgress told the share that has come
 * @throws {ServerError} where the server refuses; Error where the file has another length
 */
export async function download(
  path: string,
  token: string | undefined,
  bytes: number,
  onProgress: (fraction: number) => void,
): Promise<Uint8Array> {
  const { body } = await ask(path, token);
  const whole = new Uint8Array(bytes);
  let have = 0;
  const reader = body!.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (have + part.value.length > bytes) throw new Error('the weights are longer than the server said');
    whole.set(part.value, have);
    have += part.value.length;
    onProgress(have / bytes);
  }
  if (have < bytes) throw new Error(`the weights broke off after ${have} of ${bytes} bytes`);
  return whole;
}
