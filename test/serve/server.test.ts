import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { MOST_BODY_BYTES, type ClassifiedRow, type ErrorBody, type ModelList } from '../../src/serve/api.js';
import { prepareModels, type ServedModel } from '../../src/serve/models.js';
import { MOST_AT_ONCE } from '../../src/serve/places.js';
import type { Question } from '../../src/serve/queue.js';
import { serve, type ServeOptions, type Serving } from '../../src/serve/server.js';
import { plain } from '../data/files.js';
import { pngHeader, trainedRun } from './networks.js';
import { answerOf, head, raw, type RawAnswer } from './raw.js';

/** A queue that answers when it is told to, and remembers what it was asked. */
class StubQueue {
  readonly asked: Question[] = [];
  readonly adapter = 'stub';
  /** What answers wait for. */
  gate: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  async classify(question: Question): Promise<ClassifiedRow[]> {
    this.asked.push(question);
    await this.gate;
    if (this.failure) throw this.failure;
    return [{ file: question.file, box: null, emotions: { a: 0.25, b: 0.75 }, top: 'b' }];
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

let folder: string;
let models: ServedModel[];
let image: Buffer;
let queue: StubQueue;
let server: Serving;
let port: number;
const servers: Serving[] = [];
const faults: unknown[] = [];

async function start(options: Partial<ServeOptions> = {}): Promise<Serving> {
  const started = await serve({
    ...{ models, port: 0, version: '1.2.3', queue, pageFolder: join(folder, 'page') },
    onFault: error => faults.push(error),
    ...options,
  });
  servers.push(started);
  return started;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-serve-'));
  await mkdir(join(folder, 'page', 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'SECRET');
  await writeFile(join(folder, 'page', 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(folder, 'page', 'assets', 'opencv-1a2b.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d]));
  const recall = { a: 0.5, b: null };
  const scores = { bestValAccuracy: 0.6, bestValRecall: recall, testAccuracy: 0.58, testLoss: 1, testRecall: recall };
  const first = await trainedRun(folder, 'First run', { summary: scores });
  models = await prepareModels([
    ...[{ trained: first }, { trained: await trainedRun(join(folder, 'old'), 'First run', { model: 'simple-mlp' }) }],
    { trained: { ...first, file: join(folder, 'ü.pth'), run: undefined }, overrides: { classes: ['x', 'y'] } },
  ]);
  image = await plain([10, 200, 30]);
  queue = new StubQueue();
  server = await start();
  ({ port } = server);
});

afterAll(async () => {
  for (const one of servers) await one.close();
  await rm(folder, { recursive: true, force: true });
});

/** What every answer of an error looks like. */
function expectRefusal({ status, headers, body }: RawAnswer, expected: number, text: string | RegExp): void {
  expect([status, body]).toEqual([expected, expect.stringMatching(text)]);
  expect(headers['content-type']).toBe('application/json');
  expect(Object.keys(JSON.parse(body) as ErrorBody)).toEqual(['error']);
  expect(body).not.toContain('SECRET');
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);

/** Posts an image as a program would. */
function classify(query = '', body: Buffer = image, headers: Record<string, string> = {}): Promise<RawAnswer> {
  const lines = head(
    `/api/classify${query}`,
    { 'Content-Type': 'image/png', 'Content-Length': String(body.length), ...headers },
    'POST',
  );
  return raw(port, Buffer.concat([Buffer.from(lines), body]));
}

describe('the API', () => {
  it('tells that it answers, and which networks there are', async () => {
    const health = await raw(port, head('/health'));
    expect(JSON.parse(health.body)).toEqual({ status: 'ok', version: '1.2.3', adapter: 'stub', models: 3 });
    const { models: listed } = JSON.parse((await raw(port, head('/api/models'))).body) as ModelList;
    expect(listed.map(({ id }) => id)).toEqual([
      expect.stringMatching(/first-run$/),
      expect.stringMatching(/old-first-run$/),
      'u',
    ]);
    expect(listed[0]).toMatchObject({
      ...{ model: 'simple-cnn', modelOptions: {}, dataset: 'FER-2013', classes: ['a', 'b'], augment: null },
      image: { size: 48, channels: 1, equalize: false },
      normalisation: { mean: [0.5], std: [0.25], imagenet: false },
      ...{ accuracy: { split: 'test', value: 0.58 }, recall: { a: 0.5, b: null } },
    });
    // Of a run without recall in its summary, as of earlier versions, and of a file.
    expect(listed[1]).toMatchObject({ accuracy: { split: 'val', value: 0.6 }, recall: null });
    expect(listed[2]).toMatchObject({ dataset: null, classes: ['x', 'y'], accuracy: null, recall: null });
  });

  it('gives weights as they are, once', async () => {
    const [{ info, trained }] = models as [ServedModel];
    const { status, headers, body } = await raw(port, head(info.weights));
    expect([status, headers['content-type'], Number(headers['content-length'])]).toEqual([
      ...[200, 'application/octet-stream', info.bytes],
    ]);
    const { tensors } = decodeSafeTensors(Buffer.from(body, 'latin1'));
    expect([...tensors.keys()].sort()).toEqual([...trained.state.keys()].sort());
    for (const [name, { data }] of tensors) {
      const own = trained.state.get(name)!.data;
      expect(Buffer.compare(bytesOf(data), bytesOf(own)), name).toBe(0);
    }
    const again = await raw(port, head(info.weights, { 'If-None-Match': headers['etag']! }));
    expect([again.status, again.body]).toEqual([304, '']);
    const bare = await raw(port, head(info.weights, {}, 'HEAD'));
    expect([bare.status, Number(bare.headers['content-length']), bare.body]).toEqual([200, info.bytes, '']);
    expectRefusal(await raw(port, head('/api/models/nobody/weights')), 404, 'there is no model nobody; there are ');
  });

  it('asks the network that is named what is asked', async () => {
    const { status, headers, body } = await classify('?model=u&faces=true&gradCam=true&name=me%20%22.png');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(body)).toEqual([{ file: 'me ".png', box: null, emotions: { a: 0.25, b: 0.75 }, top: 'b' }]);
    const { model, file, faces, gradCam, pixels, bytes } = queue.asked.at(-1)!;
    expect([model === models[2], file, faces, gradCam, pixels]).toEqual([true, 'me ".png', true, true, 64]);
    expect(Buffer.compare(bytes, image)).toBe(0);
    expect((await classify('', image, { 'Content-Type': 'application/octet-stream' })).status).toBe(200);
    const first = queue.asked.at(-1)!;
    expect([first.model === models[0], first.file, first.faces, first.gradCam]).toEqual([true, 'image', false, false]);
  });

  it.each([
    ['an option that there is not', '?face=true', 400, 'Unrecognized key: .*face'],
    ['a value that there is not', '?faces=yes', 400, 'faces: '],
    ['an option twice', '?faces=true&faces=false', 400, 'more than once'],
    ['an empty name', '?name=', 400, 'name: '],
    ['a network that is not there', '?model=nobody', 404, 'there is no model nobody'],
  ])('refuses %s', async (_what, query, status, message) => {
    expectRefusal(await classify(query), status, new RegExp(message));
  });

  it.each([
    ['text', { 'Content-Type': 'text/plain' }],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['parts of a form', { 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['no type', { 'Content-Type': '' }],
    ['something packed', { 'Content-Encoding': 'gzip' }],
  ])('refuses %s as a body', async (_what, headers: Record<string, string>) => {
    const before = queue.asked.length;
    expectRefusal(await classify('', image, headers), 415, 'send the bytes of an image file');
    expect(queue.asked).toHaveLength(before);
  });

  it('refuses bodies that are no image, or none', async () => {
    expectRefusal(await classify('', Buffer.from('no image')), 422, 'not an image file');
    expectRefusal(await classify('', Buffer.alloc(0)), 400, 'there is no body');
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expectRefusal(await classify('', svg, { 'Content-Type': 'image/svg+xml' }), 422, 'not an image file');
  });

  it('refuses images of 50 megapixels by their header', async () => {
    expectRefusal(await classify('', pngHeader(10_000, 5000)), 413, '10000 x 5000 pixels; at most 40 million');
    expect((await classify('', pngHeader(8000, 5000))).status).toBe(200);
    expect(queue.asked.at(-1)!.pixels).toBe(40_000_000);
  });

  it('refuses longer bodies at once where they say so, and else as soon as they are', async () => {
    const length = { 'Content-Length': String(MOST_BODY_BYTES + 1), 'Content-Type': 'image/png' };
    // Not a byte of it is sent.
    expectRefusal(await raw(port, head('/api/classify', length, 'POST')), 413, 'longer than 10 MiB');
    const chunked = head('/api/classify', { 'Transfer-Encoding': 'chunked', 'Content-Type': 'image/png' }, 'POST');
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')]);
    const unsaid = await answerOf(port, socket => {
      socket.write(chunked);
      for (let i = 0; i < 12; i++) socket.write(chunk);
      // An end, so that a server without this limit answers too.
      socket.write('0\r\n\r\n');
    });
    expectRefusal(unsaid, 413, 'longer than 10 MiB');
    const whole = Buffer.concat([image, Buffer.alloc(MOST_BODY_BYTES - image.length)]);
    expect((await classify('', whole)).status).toBe(200);
  });

  it.each([
    ['/health', 'POST', 'GET, HEAD'],
    ['/api/models', 'DELETE', 'GET, HEAD'],
    ['/api/models/first-run/weights', 'PUT', 'GET, HEAD'],
    ['/api/openapi.json', 'POST', 'GET, HEAD'],
    ['/api/classify', 'GET', 'POST'],
    ['/index.html', 'POST', 'GET, HEAD'],
    // What browsers ask before a request of a foreign page that is none of the simple ones.
    ['/api/classify', 'OPTIONS', 'POST'],
  ])('%s has no %s', async (path, method, allowed) => {
    const answer = await raw(port, head(path, {}, method));
    expectRefusal(answer, 405, 'no such method');
    expect(answer.headers['allow']).toBe(allowed);
    expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([]);
  });

  it('tells of faults of its own, and goes on', async () => {
    queue.failure = new Error('out of memory');
    expectRefusal(await classify(), 500, 'a fault of the server: out of memory');
    queue.failure = undefined;
    expect(faults).toEqual([expect.objectContaining({ message: 'out of memory' })]);
    expect((await classify()).status).toBe(200);
  });

  it('sends away who comes when all places are taken, and takes them in afterwards', async () => {
    let open: () => void = () => undefined;
    queue.gate = new Promise(resolve => (open = resolve));
    const before = queue.asked.length;
    const held = Array.from({ length: MOST_AT_ONCE }, () => classify());
    while (queue.asked.length < before + MOST_AT_ONCE) await sleep(10);
    const late = await classify();
    expectRefusal(late, 429, `${MOST_AT_ONCE} images are being classified`);
    expect(late.headers['retry-after']).toBe('1');
    expect((await raw(port, head('/health'))).status).toBe(200);
    open();
    expect(new Set((await Promise.all(held)).map(({ status }) => status))).toEqual(new Set([200]));
    expect((await classify()).status).toBe(200);
  });

  it('tells the queue where nobody waits any more', async () => {
    let open: () => void = () => undefined;
    queue.gate = new Promise(resolve => (open = resolve));
    const before = queue.asked.length;
    const leaving = answerOf(port, socket => {
      const length = String(image.length);
      socket.write(head('/api/classify', { 'Content-Type': 'image/png', 'Content-Length': length }, 'POST'));
      socket.write(image);
      void (async () => {
        while (queue.asked.length === before) await sleep(10);
        socket.destroy();
      })();
    });
    leaving.catch(() => undefined);
    while (!queue.asked[before]?.signal?.aborted) await sleep(10);
    open();
    queue.gate = Promise.resolve();
  });
});

describe('the OpenAPI document', () => {
  interface Operation {
    operationId: string;
    parameters?: { name: string; in: string }[];
    responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
  }
  let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, object> } };
  beforeAll(async () => {
    document = JSON.parse((await raw(port, head('/api/openapi.json'))).body) as typeof document;
  });

  /** A schema of the document as one that checks values. */
  const validator = (schema: object) => {
    const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
    return z.fromJSONSchema(
      JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as z.core.JSONSchema.Schema,
    );
  };

  it('is well-formed', () => {
    const content = z.record(z.string(), z.looseObject({ schema: z.looseObject({}).optional() }));
    const answer = z.strictObject({
      description: z.string().min(1),
      content: content.optional(),
      headers: z.record(z.string(), z.looseObject({ schema: z.looseObject({}) })).optional(),
    });
    const operation = z.strictObject({
      ...{ operationId: z.string(), summary: z.string(), security: z.array(z.looseObject({})).optional() },
      parameters: z
        .array(
          z.strictObject({
            ...{ name: z.string(), in: z.enum(['path', 'query', 'header']), required: z.boolean().optional() },
            ...{ description: z.string().optional(), schema: z.looseObject({}) },
          }),
        )
        .optional(),
      requestBody: z.strictObject({ required: z.literal(true), description: z.string(), content }).optional(),
      responses: z.record(z.string().regex(/^[1-5]\d\d$/), answer),
    });
    z.strictObject({
      openapi: z.literal('3.1.0'),
      info: z.strictObject({
        ...{ title: z.string(), version: z.literal('1.2.3'), description: z.string() },
        license: z.strictObject({ name: z.string(), identifier: z.string() }),
      }),
      servers: z.array(z.strictObject({ url: z.string() })),
      security: z.array(z.record(z.string(), z.array(z.string()))),
      paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'post']), operation)),
      components: z.strictObject({
        schemas: z.record(z.string(), z.looseObject({ type: z.string() })),
        securitySchemes: z.strictObject({ token: z.looseObject({ type: z.literal('http') }) }),
      }),
    }).parse(document);
    const ids = Object.values(document.paths).flatMap(methods => Object.values(methods).map(one => one.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target);
    expect(references.length).toBeGreaterThan(10);
    const known = Object.keys(document.components.schemas).map(name => `#/components/schemas/${name}`);
    expect(references.filter(target => !known.includes(target!))).toEqual([]);
    // Every place in a path is a parameter, and the other way round.
    for (const [path, methods] of Object.entries(document.paths)) {
      const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(methods)) {
        expect(parameters.filter(one => one.in === 'path').map(({ name }) => name)).toEqual(places);
      }
    }
  });

  it('describes what is answered, whatever it is', async () => {
    const answers: [path: string, method: string, RawAnswer][] = [
      ['/health', 'get', await raw(port, head('/health'))],
      ['/api/models', 'get', await raw(port, head('/api/models'))],
      ['/api/openapi.json', 'get', await raw(port, head('/api/openapi.json'))],
      ['/api/models/{id}/weights', 'get', await raw(port, head('/api/models/nobody/weights'))],
      ['/api/classify', 'post', await classify()],
      ['/api/classify', 'post', await classify('?face=true')],
      ['/api/classify', 'post', await classify('', Buffer.from('no image'))],
      ['/api/classify', 'post', await classify('', image, { 'Content-Type': 'text/plain' })],
      ['/api/classify', 'post', await classify('', image, { Host: 'elsewhere' })],
      ['/api/classify', 'post', await classify('', image, { Origin: 'http://elsewhere' })],
    ];
    expect(answers.map(([, , { status }]) => status)).toEqual([200, 200, 200, 404, 200, 400, 422, 415, 421, 403]);
    for (const [path, method, { status, body }] of answers) {
      const { content } = document.paths[path]![method]!.responses[status]!;
      const result = validator(content!['application/json']!.schema!).safeParse(JSON.parse(body));
      expect(result.error, `${path} ${status}`).toBeUndefined();
    }
    // The schemas refuse what is not so.
    expect(validator(document.components.schemas['ClassifiedRow']!).safeParse({ file: 'a' }).success).toBe(false);
  });
});

describe('the page', () => {
  it('is served with its types, what may be kept, and a policy that lets nothing foreign in', async () => {
    const index = await raw(port, head('/'));
    expect([index.status, index.body]).toEqual([200, '<!doctype html><title>page</title>']);
    expect(index.headers).toMatchObject({
      ...{ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' },
      'content-security-policy':
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
        "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      ...{ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' },
    });
    expect(index.headers['permissions-policy']).toContain('camera=(self)');
    expect((await raw(port, head('/', { 'If-None-Match': `"x", ${index.headers['etag']!}` }))).status).toBe(304);
    const wasm = await raw(port, head('/assets/opencv-1a2b.wasm'));
    expect(wasm.headers).toMatchObject({
      ...{ 'content-type': 'application/wasm', 'cache-control': 'public, max-age=31536000, immutable' },
    });
    for (const target of ['/health', '/nowhere', '/api/models']) {
      const { headers } = await raw(port, head(target));
      expect(headers['content-security-policy']).toBe(index.headers['content-security-policy']);
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it.each([
    '/../secret.txt',
    '/../../../../etc/passwd',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/%252e%252e/%252e%252e/secret.txt',
    '/..\\secret.txt',
    '/..%5csecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//etc/passwd',
    '/index.html%00.png',
    '/%c0%ae%c0%ae/secret.txt',
    '/%zz',
    '/assets',
    '/assets/',
    '/C:/Windows/win.ini',
    '/file:///etc/passwd',
  ])('does not lead out of its folder by %s', async target => {
    const answer = await raw(port, head(target));
    expect([400, 404]).toContain(answer.status);
    expectRefusal(answer, answer.status, /error/);
  });

  it('says so where it was not built', async () => {
    const bare = await start({ pageFolder: join(folder, 'nowhere') });
    const { status, body } = await raw(bare.port, head('/'));
    expect(status).toBe(404);
    expect(body).toContain('npm run build');
    expect((await raw(bare.port, head('/api/models'))).status).toBe(200);
  });
});

describe('requests from elsewhere', () => {
  it.each([
    ['a foreign name, which leads here', { Host: 'evil.example' }, 421],
    ['a foreign name with our port', { Host: 'evil.example:8484' }, 421],
    ['a name that begins as ours does', { Host: 'localhost.evil.example' }, 421],
    ['a name behind a user', { Host: 'localhost@evil.example' }, 400],
    ['another address', { Host: '203.0.113.77' }, 421],
    ['an origin of another site', { Origin: 'https://evil.example' }, 403],
    ['an origin of this machine with another port', { Origin: 'http://localhost:3000' }, 403],
    ['an origin that hides', { Origin: 'null' }, 403],
    ['a page of another site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a page of this machine with another port', { 'Sec-Fetch-Site': 'same-site' }, 403],
    [
      'a link to the API',
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
      403,
    ],
  ])('are refused: %s', async (_what, headers: Record<string, string>, status) => {
    expectRefusal(await raw(port, head('/api/models', headers)), status, /error/);
    const before = queue.asked.length;
    expectRefusal(await classify('', image, headers), status, /error/);
    expect(queue.asked).toHaveLength(before);
  });

  it('are refused where a request names two hosts, or none', async () => {
    const twice = head('/api/models').replace('Host: localhost', 'Host: localhost\r\nHost: evil.example');
    expectRefusal(await raw(port, twice), 421, 'this is not evil.example');
    const target = head('http://evil.example/api/models');
    expectRefusal(await raw(port, target), 421, 'this is not evil.example');
    expectRefusal(await raw(port, 'GET /api/models HTTP/1.1\r\nConnection: close\r\n\r\n'), 400, 'not a request');
  });

  it.each([
    ['by the port that a tunnel has', { Host: 'localhost:9000', Origin: 'http://localhost:9000' }],
    ['by address', { Host: '127.0.0.1:8484', Origin: 'http://127.0.0.1:8484', 'Sec-Fetch-Site': 'same-origin' }],
    ['by address of version 6', { Host: '[::1]:8484' }],
    ['in capitals, with a dot', { Host: 'LOCALHOST.' }],
    ['by hand', { 'Sec-Fetch-Site': 'none' }],
  ])('are not those of our own page %s', async (_what, headers: Record<string, string>) => {
    expect((await raw(port, head('/api/models', headers))).status).toBe(200);
  });

  it('may lead to the page by a link', async () => {
    const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
    expect((await raw(port, head('/', link))).status).toBe(200);
    expectRefusal(await raw(port, head('/', { ...link, 'Sec-Fetch-Dest': 'iframe' })), 403, /error/);
  });
});

describe('a server for other machines', () => {
  it('asks requests to the API for its token, and the page for none', async () => {
    const open = await start({ host: '0.0.0.0' });
    const { token, url } = open;
    expect(token).toMatch(/^[\w-]{32}$/);
    expect(url).toBe(`http://localhost:${open.port}/#token=${token!}`);
    expect((await start({ host: '0.0.0.0' })).token).not.toBe(token);
    const ask = (target: string, authorization?: string) =>
      raw(open.port, head(target, authorization === undefined ? {} : { Authorization: authorization }));
    for (const [authorization, text] of [
      [undefined, 'a token is needed'],
      ['Bearer', 'a token is needed'],
      [`Basic ${token!}`, 'a token is needed'],
      ['Bearer x', 'this is not the token'],
      [`Bearer ${token!}x`, 'this is not the token'],
    ] as const) {
      const answer = await ask('/api/models', authorization);
      expectRefusal(answer, 401, text);
      expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expectRefusal(await ask(models[0]!.info.weights), 401, 'a token is needed');
    expectRefusal(await ask('/api/nowhere'), 401, 'a token is needed');
    expect((await ask('/api/models', `Bearer ${token!}`)).status).toBe(200);
    expect((await ask('/health')).status).toBe(200);
    expect((await ask('/')).status).toBe(200);
    expectRefusal(await raw(open.port, head('/', { Host: 'evil.example' })), 421, 'give facegrad serve that name');
  });

  it('tells by which addresses other machines reach it', async () => {
    const { outerUrls, port: own } = await start({ host: '0.0.0.0' });
    for (const url of outerUrls) expect(url).toMatch(new RegExp(`^http://(?!127)[\\d.]+:${own}/$`));
    for (const url of outerUrls) expect((await fetch(`${url}health`)).status).toBe(200);
    expect(server.outerUrls).toEqual([]);
  });

  it('asks for none where only this machine reaches it', () => {
    expect(server.token).toBeUndefined();
    expect(server.url).toBe(`http://127.0.0.1:${port}/`);
  });
});

describe('a server', () => {
  it('waits neither for headers nor for bodies for ever, and gives their places back', async () => {
    const impatient = await start({ timeouts: { headers: 200, request: 400, check: 50 } });
    const slow = (text: string) =>
      answerOf(impatient.port, socket => {
        socket.write(text);
      });
    expectRefusal(await slow('GET /health HTTP/1.1\r\nHost: loc'), 408, 'too slowly');
    const body = head('/api/classify', { 'Content-Type': 'image/png', 'Content-Length': '100' }, 'POST');
    const begun = Array.from({ length: MOST_AT_ONCE }, () => slow(`${body}begin`));
    for (const answer of await Promise.all(begun)) expectRefusal(answer, 408, 'too slowly');
    const length = String(image.length);
    const whole = head('/api/classify', { 'Content-Type': 'image/png', 'Content-Length': length }, 'POST');
    const ask = () => raw(impatient.port, Buffer.concat([Buffer.from(whole), image]));
    let answer = await ask();
    // A machine that has much else to do is slow itself.
    for (let tries = 0; answer.status === 408 && tries < 20; tries++) answer = await ask();
    expect(answer.status).toBe(200);
  });

  it('answers what is no request at all', async () => {
    expectRefusal(await raw(port, 'HELO\r\n\r\n'), 400, 'not a request');
    expectRefusal(await raw(port, Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])), 400, 'not a request');
    expectRefusal(await raw(port, head('/health', { Cookie: 'x'.repeat(20_000) })), 431, 'too long');
    const both = head('/api/classify', { 'Content-Length': '3', 'Transfer-Encoding': 'chunked' }, 'POST');
    expectRefusal(await raw(port, `${both}0\r\n\r\n`), 400, 'not a request');
    expect((await raw(port, head('/health'))).status).toBe(200);
  });

  it('says what is wrong with where it is to listen', async () => {
    await expect(start({ port })).rejects.toThrow(`port ${port} of 127.0.0.1 is taken: choose another with --port`);
    await expect(start({ host: '203.0.113.77' })).rejects.toThrow(
      '--host 203.0.113.77: this machine has no such address',
    );
    await expect(start({ models: [] })).rejects.toThrow('no models');
  });

  it('finishes answers under way when it ends', async () => {
    const ending = await start();
    let open: () => void = () => undefined;
    queue.gate = new Promise(resolve => (open = resolve));
    const before = queue.asked.length;
    const length = String(image.length);
    const request = head('/api/classify', { 'Content-Type': 'image/png', 'Content-Length': length }, 'POST');
    const answer = raw(ending.port, Buffer.concat([Buffer.from(request), image]));
    while (queue.asked.length === before) await sleep(10);
    const closed = ending.close();
    await expect(raw(ending.port, head('/health'))).rejects.toThrow();
    open();
    queue.gate = Promise.resolve();
    expect((await answer).status).toBe(200);
    await closed;
  });
});
