import type { ErrorBody } from '../../src/serve/api.js';

/** The server refused, or could not be asked. */
export class ServerError extends Error {
  override readonly name = 'ServerError';

  constructor(
    message: string,
    /** Of http; 0 where no answer came. */
    readonly status: number,
  ) {
    super(message);
  }
}

/**
 * Asks the server.
 * @throws {ServerError} where no answer comes, or its status is 400 or more
 */
export async function ask(path: string, token: string | undefined, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ServerError('The server does not answer. Is facegrad serve still running?', 0);
  }
  if (response.ok) return response;
  const text = await response.text();
  throw new ServerError(reasonIn(text) ?? `The server answered ${response.status}.`, response.status);
}

function reasonIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as ErrorBody).error;
  } catch {
    return undefined;
  }
}
