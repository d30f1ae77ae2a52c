import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultsOf, growthOf, holdLoad, memoryOf, watchedMemory, type Target } from '../../scripts/load/hold.js';
import type { ErrorBody, Health, ModelInfo } from '../../src/serve/api.js';
import { MOST_AT_ONCE } from '../../src/serve/places.js';
import { pictureWith } from '../faces/pictures.js';
import { pngHeader, writeRun } from '../serve/networks.js';
import { head, raw } from '../serve/raw.js';
import { facegrad, start, type Running } from './facegrad.js';

let folder: string;
let server: Running;
let target: Target;
let listed: ModelInfo[];
/** By their names in `folder`. */
const images: Record<string, Buffer> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-serve-cli-'));
  await writeRun(join(folder, 'runs'), 'cnn');
  await writeRun(join(folder, 'elsewhere'), 'mlp', { model: 'simple-mlp' });
  const { data, width, height } = pictureWith(320, 200, [
    { number: 1, side: 80, x: 20, y: 60 },
    { number: 2, side: 120, x: 170, y: 40 },
  ]);
  const two = sharp(data, { raw: { width, height, channels: 1 } });
  images['two.png'] = await two.clone().toColourspace('b-w').png().toBuffer();
  const colour = two.clone().toColourspace('srgb').tint({ r: 200, g: 120, b: 90 });
  images['turned.jpg'] = await colour.rotate(90).withMetadata({ orientation: 8 }).jpeg().toBuffer();
  images['none.webp'] = await sharp({ create: { width: 70, height: 50, channels: 4, background: '#83a6' } })
    .webp()
    .toBuffer();
  for (const [name, bytes] of Object.entries(images)) await writeFile(join(folder, name), bytes);
  const memoryFile = join(folder, 'memory.json');
  const weights = join('elsewhere', 'mlp', 'best.safetensors');
  server = start(['serve', '--weights', weights, '--run', 'runs/cnn', '--port', '0', '--json'], {
    cwd: folder,
    env: watchedMemory(memoryFile),
  });
  await server.printed('\n');
  const { url, models, ...more } = JSON.parse(server.outcome.stdout) as { url: string; models: ModelInfo[] };
  expect([url, more]).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/), {}]);
  target = { url, pid: server.process.pid!, memoryFile };
  listed = models;
});

afterAll(async () => {
  server.process.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function classify(bytes: Uint8Array, query = '', type = 'image/jpeg'): Promise<Answer> {
  const url = `${target.url}api/classify${query}`;
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': type }, body: Buffer.from(bytes) });
  return { status: answer.status, body: await answer.json() };
}

async function adapter(): Promise<string | null> {
  return ((await (await fetch(`${target.url}health`)).json()) as Health).adapter;
}

describe('facegrad serve', () => {
  it('lists its networks in the order in which they were given', async () => {
    expect(listed.map(({ name, id, model }) => [name, id, model])).toEqual([
      ['best', 'best', 'simple-mlp'],
      ['cnn', 'cnn', 'simple-cnn'],
    ]);
    const { models } = (await (await fetch(`${target.url}api/models`)).json()) as { models: ModelInfo[] };
    expect(models).toEqual(listed);
    expect(await adapter()).toBeNull();
  });

  it('answers what predict prints, to the last digit', async () => {
    const names = Object.keys(images);
    for (const [query, options] of [
      ['?model=cnn&faces=true', ['--run', 'runs/cnn', '--faces']],
      ['?model=best', ['--weights', 'elsewhere/mlp/best.safetensors']],
    ] as const) {
      const { code, stdout, stderr } = await facegrad(['predict', ...names, ...options, '--json'], { cwd: folder });
      expect(code, stderr).toBe(0);
      const rows: unknown[] = [];
      for (const name of names) {
        const { status, body } = await classify(images[name]!, `${query}&name=${name}`);
        expect(status).toBe(200);
        rows.push(...(body as unknown[]));
      }
      expect(rows).toEqual(JSON.parse(stdout));
      expect(rows.length).toBeGreaterThanOrEqual(names.length);
    }
    expect(await adapter()).toBeTruthy();
  });

  it('refuses what cannot be read, and stays', async () => {
    const jpeg = images['turned.jpg']!;
    for (const [bytes, status, message] of [
      [jpeg.subarray(0, jpeg.length / 2), 422, /cannot be decoded/],
      [jpeg.subarray(0, 30), 422, /not an image file|cannot be decoded/],
      [pngHeader(10_000, 5000), 413, /10000 x 5000 pixels/],
      // A header that may pass, and nothing behind it.
      [pngHeader(8000, 5000), 422, /cannot be decoded/],
      [Buffer.from('GIF89a'), 422, /not an image file|cannot be decoded/],
    ] as const) {
      for (const query of ['', '?faces=true&gradCam=true&model=cnn']) {
        const answer = await classify(bytes, query);
        expect([answer.status, (answer.body as ErrorBody).error]).toEqual([status, expect.stringMatching(message)]);
      }
    }
    const none = await classify(images['two.png']!, '?gradCam=true&model=best');
    expect(none.status).toBe(422);
    const { port } = new URL(target.url);
    const foreign = await raw(Number(port), head('/api/models', { Host: 'evil.example' }));
    expect(foreign.status).toBe(421);
    expect((await fetch(`${target.url}..%2f..%2fpackage.json`)).status).toBe(404);
  });

  it('answers 200 requests at once, or says that they are too many', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => classify(images['two.png']!, '?model=cnn')));
    const right = answers.filter(({ status }) => status === 200);
    expect(new Set(answers.map(({ status }) => status)).size).toBeLessThanOrEqual(2);
    expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true);
    expect(right.length).toBeGreaterThanOrEqual(MOST_AT_ONCE);
    expect(new Set(right.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  it('holds fifty connections', async () => {
    expect(faultsOf(await holdLoad(target, { connections: 50, seconds: 2, model: 'cnn' }))).toEqual([]);
  });

  it('gives back the memory of all that it was sent', async () => {
    const noise = Buffer.alloc(10 * 2 ** 20, 'x');
    // Of 12 megapixels, which are decoded whole.
    const create = { width: 4000, height: 3000, channels: 3 as const, background: '#887766' };
    const photograph = await sharp({ create }).jpeg({ quality: 30 }).toBuffer();
    const flood = async () => {
      for (let i = 0; i < 12; i++) expect((await classify(noise)).status).toBe(422);
      expect((await classify(photograph, '?faces=true&model=cnn')).status).toBe(200);
      return memoryOf(target);
    };
    const before = await memoryOf(target);
    const once = await flood();
    // Were its bodies kept, another 120 MB would be there.
    expect(once.live).toBeLessThan(before.live + 30);
    // What the allocator keeps of them serves the next.
    expect(growthOf(once, await flood())).toEqual([]);
  });

  it('ends with Ctrl-C, and says so', async () => {
    server.process.kill('SIGINT');
    const { code, stdout, stderr } = await server.ended;
    expect(code).toBe(130);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('facegrad: stopping');
    await expect(fetch(`${target.url}health`)).rejects.toThrow();
  });

  it('takes the latest finished run, and opens the page with its token where other machines may ask', async () => {
    const browser = join(folder, 'browser.sh');
    await writeFile(browser, `#!/bin/sh\nprintf %s "$1" > ${join(folder, 'opened')}\n`);
    await chmod(browser, 0o755);
    const env = { BROWSER: browser, DISPLAY: '', XDG_CURRENT_DESKTOP: '' };
    const running = start(['serve', '--host', '0.0.0.0', '--port', '0', '--open'], { cwd: folder, env });
    await running.printed('Ctrl-C');
    const text = running.outcome.stdout;
    const [, url, token] = /serving at (http:\/\/localhost:\d+\/#token=([\w-]+)) /.exec(text)!;
    expect(text).toMatch(/^cnn +simple-cnn +FER-2013 .* 60\.00 % \(val\)$/m);
    const models = new URL('/api/models', url);
    expect((await fetch(models)).status).toBe(401);
    expect((await fetch(models, { headers: { Authorization: `Bearer ${token!}` } })).status).toBe(200);
    let opened = '';
    while (opened === '') opened = await readFile(join(folder, 'opened'), 'utf8').catch(() => '');
    expect(opened).toBe(url);
    running.process.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    expect(code).toBe(143);
    expect(stderr).toContain('the latest finished run is runs/cnn');
    expect(stderr).toContain('warning: other machines reach this server');
  });

  it('says what it needs', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    for (const [args, message] of [
      [['--run', 'runs/cnn', '--port', String(port)], `port ${port} of 127.0.0.1 is taken`],
      [['--run', 'runs/cnn', '--model', 'simple-cnn'], '--run brings its own model and weights'],
      [['--run', 'runs/cnn', '--classes', 'one,two,three'], 'tells 2 classes apart'],
    ] as const) {
      const { code, stdout, stderr } = await facegrad(['serve', ...args], { cwd: folder });
      expect([code, stdout], stderr).toEqual([2, '']);
      expect(stderr).toContain(message);
    }
    taken.close();
    const { code, stderr } = await facegrad(['serve'], { cwd: tmpdir() });
    expect(code).toBe(2);
    expect(stderr).toContain('serve needs --run <folder>, or --weights <file>: there is no finished run below runs/');
  });
});
