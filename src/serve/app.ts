import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type * as z from 'zod';
import { readImageHeader, TooManyPixels, UnusableImage } from '../data/decode/image.js';
import { API_PATHS, MOST_PIXELS, type Classification, type ErrorBody, type Health, type ModelList } from './api.js';
import { lengthOf, readBody, requireImage } from './body.js';
import type { ClassifyQueue } from './queue.js';
import type { PageFiles } from './files.js';
import { requireOwn, requireToken } from './guard.js';
import type { ServedModel } from './models.js';
import { openApiDocument } from './openapi.js';
import { Places } from './places.js';
import { Refusal } from './refusal.js';
import { classifyQuery } from './schemas.js';

export interface AppOptions {
  readonly models: readonly ServedModel[];
  readonly queue: Pick<ClassifyQueue, 'classify' | 'adapter'>;
  readonly files: PageFiles;
  /** What this server is called in Host headers (guard.ts). */
  readonly names: ReadonlySet<string>;
  /** What requests to /api must bring, where that is asked of them. */
  readonly token?: string | undefined;
  /** Of facegrad. */
  readonly version: string;
  readonly places?: Places;
  /** Told of faults that are not those of whoever asks. */
  readonly onFault?: (error: unknown) => void;
}

type Env = { Bindings: HttpBindings };

const NO_PAGE = `The page of facegrad was not built here: npm run build makes it.
The API answers nevertheless; ${API_PATHS.openapi} describes it.
`;

/** All that is answered, and what is not. */
export function createApp(options: AppOptions): Hono<Env> {
  const { models, queue, files, names, token, version, places = new Places(), onFault } = options;
  const byId = new Map(models.map(model => [model.info.id, model]));
  const findModel = (id: string): ServedModel => {
    const found = byId.get(id);
    if (!found) throw new Refusal(404, `there is no model ${id}; there are ${[...byId.keys()].join(', ')}`);
    return found;
  };
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    const { url, method } = c.req;
    const isApi = c.req.path.startsWith('/api/') || c.req.path === '/api';
    const isRead = method === 'GET' || method === 'HEAD';
    const header = (name: string) => c.req.header(name);
    requireOwn(
      {
        hosts: [...hostHeaders(c), new URL(url).host],
        origin: header('origin'),
        fetchSite: header('sec-fetch-site'),
        opensPage:
          isRead && !isApi && header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document',
      },
      names,
    );
    if (isApi && token !== undefined) requireToken(header('authorization'), token);
    await next();
  });

  app.get(API_PATHS.health, c => {
    const health: Health = { status: 'ok', version, adapter: queue.adapter ?? null, models: models.length };
    return c.json(health);
  });
  app.get(API_PATHS.models, c => {
    const list: ModelList = { models: models.map(({ info }) => info) };
    return c.json(list);
  });
  app.get(`${API_PATHS.models}/:id/weights`, c => {
    const { weights, etag } = findModel(c.req.param('id'));
    return file(c, { bytes: weights, etag, type: 'application/octet-stream', caching: 'private, no-cache' });
  });
  app.post(API_PATHS.classify, async c => {
    const { model: id, faces, gradCam, name } = parseQuery(c.req.queries());
    const model = id === undefined ? models[0]! : findModel(id);
    const { incoming } = c.env;
    requireImage(incoming);
    const rows: Classification = await places.hold(lengthOf(incoming), async () => {
      const bytes = await readBody(incoming);
      const pixels = await pixelsOf(bytes);
      const { signal } = c.req.raw;
      return queue.classify({
        ...{ model, bytes, pixels, file: name, faces: faces === 'true', gradCam: gradCam === 'true', signal },
      });
    });
    return c.json(rows);
  });
  const document = openApiDocument(version);
  app.get(API_PATHS.openapi, c => c.json(document));
  for (const path of [API_PATHS.health, API_PATHS.models, `${API_PATHS.models}/:id/weights`, API_PATHS.openapi]) {
    app.all(path, () => refuseMethod('GET, HEAD'));
  }
  app.all(API_PATHS.classify, () => refuseMethod('POST'));

  app.get('*', async c => {
    const path = decodedPath(c.req.path);
    const page = path === undefined ? undefined : await files.get(path);
    if (page) {
      const caching = page.immutable ? 'public, max-age=31536000, immutable' : 'no-cache';
      return file(c, { ...page, caching });
    }
    if (path === '/') return c.text(NO_PAGE, 404);
    throw nothingThere();
  });
  app.all('*', c => {
    if (files.has(decodedPath(c.req.path) ?? '')) refuseMethod('GET, HEAD');
    throw nothingThere();
  });

  app.onError((error, c) => {
    if (error instanceof Refusal) {
      for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
      return refusal(c, error.status, error.message);
    }
    // Nobody hears the answer where the connection is gone, and nothing is wrong here.
    if (!c.req.raw.signal.aborted) onFault?.(error);
    return refusal(c, 500, `a fault of the server: ${error.message}`);
  });
  return app;
}

/** Every Host header of a request: Node itself looks at the first only. */
function hostHeaders(c: Context<Env>): string[] {
  const { rawHeaders } = c.env.incoming;
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host');
}

function parseQuery(given: Record<string, string[]>): z.infer<typeof classifyQuery> {
  const repeated = Object.entries(given).find(([, values]) => values.length > 1);
  if (repeated) throw new Refusal(400, `the query has ${repeated[0]} more than once`);
  const result = classifyQuery.safeParse(
    Object.fromEntries(Object.entries(given).map(([key, [value]]) => [key, value])),
  );
  if (result.success) return result.data;
  const faults = result.error.issues.map(issue => [...issue.path.map(String), issue.message].join(': '));
  throw new Refusal(400, `the query: ${faults.join('; ')}`);
}

/** Of an image, before it waits for anything. */
async function pixelsOf(bytes: Uint8Array): Promise<number> {
  try {
    const { width, height } = await readImageHeader(bytes, MOST_PIXELS);
    return width * height;
  } catch (error) {
    if (!(error instanceof UnusableImage)) throw error;
    throw new Refusal(error instanceof TooManyPixels ? 413 : 422, error.message);
  }
}

/** A path as it was meant; undefined where it is none. */
function decodedPath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

interface Served {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** The header Cache-Control. */
  readonly caching: string;
}

/** A file, or that it is as whoever asks has it already. */
function file(c: Context, { bytes, type, etag, caching }: Served): Response {
  c.header('Cache-Control', caching);
  c.header('ETag', etag);
  const known = c.req.header('if-none-match')?.split(',') ?? [];
  if (known.some(one => one.trim().replace(/^W\//, '') === etag || one.trim() === '*')) return c.body(null, 304);
  c.header('Content-Type', type);
  c.header('Content-Length', String(bytes.length));
  // Files read from the disk, and weights, are no views of memory that is shared.
  return c.body(bytes as Uint8Array<ArrayBuffer>);
}

function refuseMethod(allowed: string): never {
  throw new Refusal(405, `there is no such method here; there is ${allowed}`, { Allow: allowed });
}

function nothingThere(): Refusal {
  return new Refusal(404, `there is nothing here; ${API_PATHS.openapi} says what there is`);
}

function refusal(c: Context, status: Refusal['status'] | 500, error: string): Response {
  const body: ErrorBody = { error };
  return c.json(body, status);
}
