import { randomBytes } from 'node:crypto';
import { createServer, STATUS_CODES, type Server } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { UserError } from '../util/errors.js';
import { TOKEN_FRAGMENT, type ErrorBody, type ModelInfo } from './api.js';
import { createApp } from './app.js';
import { ClassifyQueue, type QueueOptions } from './queue.js';
import { PageFiles } from './files.js';
import { isEverywhere, isLoopback, outerAddresses, ownNames } from './guard.js';
import { HEADERS } from './headers.js';
import type { ServedModel } from './models.js';

/** From the first byte of a request to the last of its headers. */
const HEADERS_MS = 10_000;
/** To the last of its body: 10 MiB at 3 Mbit/s. */
const REQUEST_MS = 30_000;
/** How long a connection without a request is kept. */
const KEEP_ALIVE_MS = 5_000;
/** Without a byte in either direction: a first answer may wait for kernels to be compiled. */
const SILENCE_MS = 120_000;
/** More are not accepted. */
const MOST_CONNECTIONS = 512;
/** That a server that ends waits for answers under way. */
const FAREWELL_MS = 5_000;

/** What is served, where, and on which adapter it is computed. */
export interface ServeOptions extends QueueOptions {
  readonly models: readonly ServedModel[];
  /** An address of this machine, or its name. `127.0.0.1` by default. */
  readonly host?: string | undefined;
  /** 0: one that is free. */
  readonly port: number;
  /** Of facegrad. */
  readonly version: string;
  /** Where the page lies; by default in the package. */
  readonly pageFolder?: string | undefined;
  /** Answers questions; by default one of these options. It is disposed of at the end. */
  readonly queue?: Pick<ClassifyQueue, 'classify' | 'adapter' | 'dispose'> | undefined;
  /** Told of faults that are not those of whoever asks. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** Milliseconds for a request's headers and for all of it, and between looks whether they have passed. */
  readonly timeouts?: { readonly headers: number; readonly request: number; readonly check: number } | undefined;
}

/** A server that listens. */
export interface Serving {
  readonly port: number;
  /** Of the page, with the token where one is needed. */
  readonly url: string;
  /** What requests to /api must bring, where other machines reach the server. */
  readonly token: string | undefined;
  /** Of the page for other machines, without the token, where it listens on all addresses. */
  readonly outerUrls: readonly string[];
  readonly models: readonly ModelInfo[];
  /** Ends it: no new connections, answers under way are finished, the GPU is given back. */
  close(): Promise<void>;
}

/**
 * Serves the page and the API.
 * @throws {UserError} where the port is taken, or there is no such address on this machine
 */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { models, host = '127.0.0.1', port, version, pageFolder, onFault, timeouts } = options;
  const queue = options.queue ?? new ClassifyQueue(options);
  if (models.length === 0) throw new UserError('there are no models to serve');
  const token = isLoopback(host) ? undefined : randomBytes(24).toString('base64url');
  const files = await PageFiles.find(pageFolder);
  const app = createApp({
    ...{ models, queue, files, names: ownNames(host), token, version },
    ...(onFault ? { onFault } : {}),
  });
  const listener = getRequestListener(app.fetch, {
    errorHandler: () => Response.json({ error: 'this is not a request that is understood' }, { status: 400 }),
  });
  const server = createServer(
    {
      headersTimeout: timeouts?.headers ?? HEADERS_MS,
      requestTimeout: timeouts?.request ?? REQUEST_MS,
      connectionsCheckingInterval: timeouts?.check ?? 1000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // It is looked at with the others (guard.ts).
      requireHostHeader: false,
    },
    (request, response) => {
      // Here, since an object of headers for each answer would double what it leaves to the garbage collector.
      for (const [name, value] of HEADERS) response.setHeader(name, value);
      listener(request, response).catch((error: unknown) => {
        onFault?.(error);
        response.destroy();
      });
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = SILENCE_MS;
  server.on('clientError', answerUnreadable);
  await listen(server, host, port);
  const { port: taken } = server.address() as AddressInfo;
  const address = isEverywhere(host) ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host;
  return {
    port: taken,
    url: `http://${address}:${taken}/${token === undefined ? '' : TOKEN_FRAGMENT + token}`,
    token,
    outerUrls: isEverywhere(host) ? outerAddresses().map(outer => `http://${outer}:${taken}/`) : [],
    models: models.map(({ info }) => info),
    close: async () => {
      await closeServer(server);
      await queue.dispose();
    },
  };
}

/** What Node says of an address that is not this machine's, or of a name without one. */
const NO_ADDRESS = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'];

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new UserError(
        `port ${port} of ${host} is taken: choose another with --port, or --port 0 for any that is free`,
      );
    }
    if (code === 'EACCES') {
      throw new UserError(`port ${port} may not be listened on: choose one above 1023 with --port`);
    }
    if (code !== undefined && NO_ADDRESS.includes(code)) {
      throw new UserError(`--host ${host}: this machine has no such address (${message})`);
    }
    throw error;
  });
}

/** What is answered where bytes are no request, or where they come too slowly. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Of a socket that is gone there is nothing to tell.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const what = {
    400: 'this is not a request that is understood',
    408: 'the request came too slowly',
    431: 'the headers are too long',
  };
  const body: ErrorBody = { error: what[status] };
  const text = JSON.stringify(body);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]!}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>(resolve =>
    server.close(() => {
      resolve();
    }),
  );
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, FAREWELL_MS);
  await closed;
  clearTimeout(timer);
}
