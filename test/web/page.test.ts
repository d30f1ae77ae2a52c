import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFace } from '../../src/data/synthetic/dataset.js';
import { browserPath, openBrowser } from '../browser.js';
import { facegrad, start, type Running } from '../cli/facegrad.js';
import { pictureWith } from '../faces/pictures.js';
import { writeVideo } from './video.js';

/** Nothing of the browser's own goes out, and the camera is a file. */
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const CLASSES = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
const TOLERANCE = 1e-3;

interface Row {
  file: string;
  face?: boolean;
  box: { x: number; y: number; width: number; height: number } | null;
  emotions: Record<string, number>;
  top: string;
  gradCam?: string;
}

let folder: string;
let serving: Running;
let address: { url: string; token: string };
/** What `facegrad predict` says, with faces and without, of each network. */
let expected: { faces: Row[]; whole: Row[]; other: Row[] };

const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });

async function predict(network: string, pictures: string[], ...options: string[]): Promise<Row[]> {
  const { code, stdout, stderr } = await run('predict', ...pictures, '--run', network, '--json', ...options);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Row[];
}

const inFolder = (...names: string[]) => names.map(name => join(folder, name));

/** A grey picture in colour, so that how it becomes grey again matters. */
function tinted(grey: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]! * [1, 0.8, 0.65][i % 3]!);
}

/** Faces that are drawn, networks that have learnt them until they are sure of something, and a server of both. */
beforeAll(async () => {
  if (browserPath === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'facegrad-page-'));
  const rows = Array.from({ length: 56 }, (_, i) => {
    const face = new Uint8Array(48 * 48);
    // What is validated was learnt, so that the best epoch is one that is sure of something.
    drawFace(3, i % 42, i % 7, face);
    return `${i % 7},${face.join(' ')},${i < 42 ? 'Training' : 'PublicTest'}\n`;
  });
  await writeFile(join(folder, 'faces.csv'), `emotion,pixels,Usage\n${rows.join('')}`);
  const train = async (model: string, out: string, epochs: string) => {
    const { code, stderr } = await run(
      ...['train', model, '--data', 'faces.csv', '--out', out, '--epochs', epochs, '--lr', '3e-3', '--seed', '1'],
      ...['--batch-size', '14', '--no-tensorboard'],
    );
    expect(code, stderr).toBe(0);
  };
  await Promise.all([train('simple-cnn', 'seer', '25'), train('simple-mlp', 'other', '2')]);
  const two = pictureWith(360, 240, [
    { number: 3, side: 140, x: 20, y: 60 },
    { number: 8, side: 96, x: 230, y: 30 },
  ]);
  const raw = { width: two.width, height: two.height, channels: 3 as const };
  await sharp(tinted(two.data), { raw }).jpeg({ quality: 88 }).toFile(join(folder, 'two.jpg'));
  const noise = Uint8Array.from({ length: 300 * 200 * 3 }, (_, i) => (i * i * 7 + 31 * i) % 253);
  await sharp(noise, { raw: { width: 300, height: 200, channels: 3 } })
    .png()
    .toFile(join(folder, 'none.png'));
  await writeFile(join(folder, 'text.jpg'), 'no image');
  await writeVideo(join(folder, 'camera.y4m'), pictureWith(320, 240, [{ number: 3, side: 150, x: 80, y: 50 }]), 20);
  serving = start(['serve', '--run', 'seer', 'other', '--port', '0', '--host', '0.0.0.0', '--json'], { cwd: folder });
  const [faces, whole, other] = await Promise.all([
    predict('seer', ['two.jpg', 'none.png'], '--faces', '--grad-cam', 'maps'),
    predict('seer', ['two.jpg', 'none.png']),
    predict('other', ['two.jpg'], '--faces'),
    serving.printed('\n'),
  ]);
  expected = { faces, whole, other };
  const { url, token } = JSON.parse(serving.outcome.stdout) as { url: string; token: string };
  address = { url: url.replace('0.0.0.0', '127.0.0.1'), token };
}, 120_000);

afterAll(async () => {
  if (browserPath === undefined) return;
  serving.process.kill('SIGINT');
  await serving.ended;
  await rm(folder, { recursive: true, force: true });
});

/** A context in which every fault, and every request that goes elsewhere or carries a picture, is noted. */
async function openContext(browser: Browser): Promise<{ context: BrowserContext; faults: string[]; sent: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ['camera'] });
  const faults: string[] = [];
  const sent: string[] = [];
  context.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  context.on('weberror', error => faults.push(`error: ${error.error().message}`));
  context.on('request', request => {
    const { protocol, port } = new URL(request.url());
    if (!/^(blob|data):$/.test(protocol) && port !== new URL(address.url).port)
      faults.push(`request: ${request.url()}`);
    if (request.method() === 'POST') sent.push(request.url());
  });
  return { context, faults, sent };
}

/** Waits until so many pictures are there, and every one is done. The page forbids what Playwright's own waiting evaluates. */
async function settled(page: Page, pictures: number): Promise<void> {
  const state = "[document.querySelectorAll('article').length, document.querySelectorAll('article progress').length]";
  await expect.poll(() => page.evaluate(state), { timeout: 60_000 }).toEqual([pictures, 0]);
}

async function downloaded(page: Page, press: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: '2d'): { getImageData(...rectangle: number[]): { readonly data: Iterable<number> } };
}

/** (height,width,4) bytes of a canvas. */
function pixelsOf(canvas: Locator): Promise<number[]> {
  return canvas.evaluate(element => {
    const own = element as unknown as Canvas;
    return [...own.getContext('2d').getImageData(0, 0, own.width, own.height).data];
  });
}

/** The rows of the table that the page saves, by the columns' names. */
async function tableOf(page: Page, panel: string): Promise<Record<string, string>[]> {
  const button = page.locator(panel).getByRole('button', { name: 'Save as CSV' });
  const { name, bytes } = await downloaded(page, () => button.click());
  expect(name).toMatch(/^facegrad-[\w-]+\.csv$/);
  const [head = '', ...lines] = bytes.toString().trimEnd().split('\n');
  const columns = head.split(',');
  return lines.map(line => Object.fromEntries(line.split(',').map((cell, i) => [columns[i]!, cell])));
}

/** That what the page says is what `facegrad predict` says. */
function expectSame(rows: readonly Record<string, string>[], predictions: readonly Row[]): void {
  expect(rows.map(({ file, face, top, x = '' }) => ({ file, face, top, x }))).toEqual(
    predictions.map(({ file, face, top, box }) => {
      return { file, face: face === undefined ? '' : String(face), top, x: box ? String(box.x) : '' };
    }),
  );
  rows.forEach((row, i) => {
    const { emotions, box } = predictions[i]!;
    for (const name of CLASSES) expect(Math.abs(Number(row[name]) - emotions[name]!)).toBeLessThan(TOLERANCE);
    if (box) expect([row.x, row.y, row.width, row.height]).toEqual([box.x, box.y, box.width, box.height].map(String));
  });
}

describe.skipIf(browserPath === undefined && !process.env.CI)('the page, on WebGPU', () => {
  let browser: Browser;
  let page: Page;
  let noted: Awaited<ReturnType<typeof openContext>>;

  beforeAll(async () => {
    browser = await openBrowser(
      ...[...WEBGPU, ...QUIET, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
      `--use-file-for-fake-video-capture=${join(folder, 'camera.y4m')}`,
    );
    noted = await openContext(browser);
    page = await noted.context.newPage();
    await page.goto(address.url);
    await page.locator('.readiness').waitFor({ state: 'detached', timeout: 60_000 });
  }, 120_000);

  afterAll(async () => {
    await browser.close();
  });

  it('takes the token out of the address, and shows the models with what is known of them', async () => {
    expect(address.url).toContain(`#token=${address.token}`);
    expect(page.url()).not.toContain(address.token);
    await expect(page.locator('.chip').innerText()).resolves.toContain('In this browser · google swiftshader');
    const models = page.getByRole('combobox', { name: 'Model' });
    expect(await models.locator('option').allInnerTexts()).toEqual([
      expect.stringMatching(/^seer · simple-cnn · \d+\.\d %$/),
      expect.stringMatching(/^other · simple-mlp · \d+\.\d %$/),
    ]);
    const card = page.locator('aside section').first();
    expect(await card.innerText()).toMatch(/simple-cnn, 319,239 parameters[^]*FER-2013[^]*of validation images/);
    expect(await card.locator('.bar').count()).toBe(7);
    expect(await page.locator('.notice').innerText()).toContain('not an inner state');
  });

  it('answers as facegrad predict does: faces, no face, and what is no picture', async () => {
    expect(Math.max(...expected.faces.map(({ emotions, top }) => emotions[top]!))).toBeGreaterThan(0.5);
    expect(expected.faces.map(({ face }) => face)).toEqual([true, true, false]);
    await page.locator('input[type=file]').setInputFiles(inFolder('two.jpg', 'none.png', 'text.jpg'));
    await settled(page, 3);
    const rows = await tableOf(page, '#panel-pictures');
    expectSame(rows.slice(0, 3), expected.faces);
    expect(rows[3]).toMatchObject({ file: 'text.jpg' });
    expect(rows[3]!.error).toContain('this browser cannot read it as an image');
    const articles = page.getByRole('article');
    expect(await articles.nth(0).locator('.boxes rect').count()).toBe(2);
    expect(await articles.nth(1).innerText()).toContain('No face was found, so all of the picture was classified');
    expect(await articles.nth(2).innerText()).toContain('text.jpg was not classified');
    expect(await page.getByRole('log').innerText()).toContain('two.jpg: 2 faces: ');
  });

  it('draws the Grad-CAM that facegrad predict draws, and boxes into a picture', async () => {
    const article = page.getByRole('article').nth(0);
    await article.getByRole('button', { name: 'Show Grad-CAM' }).first().click();
    const canvas = article.getByRole('img', { name: /^Grad-CAM of / });
    await canvas.waitFor({ timeout: 60_000 });
    const pixels = await pixelsOf(canvas);
    const [map] = (await readdir(join(folder, 'maps'))).sort();
    const drawn = await sharp(join(folder, 'maps', map!))
      .ensureAlpha()
      .raw()
      .toBuffer();
    expect(pixels.length).toBe(drawn.length);
    const apart = drawn.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]!), 0) / drawn.length;
    expect(apart).toBeLessThan(1);
    // Another class has another map.
    const { top } = expected.faces[0]!;
    await article.getByRole('combobox', { name: 'Grad-CAM of' }).selectOption(String((CLASSES.indexOf(top) + 1) % 7));
    await article.getByRole('img', { name: `Grad-CAM of ${CLASSES[(CLASSES.indexOf(top) + 1) % 7]!}` }).waitFor();
    const { name, bytes } = await downloaded(page, () =>
      article.getByRole('button', { name: 'Save with labels' }).click(),
    );
    expect(name).toBe('two-facegrad.png');
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 360, height: 240 });
  });

  it('classifies whole pictures where no faces are wanted, and all again with another model', async () => {
    await page.getByRole('checkbox', { name: 'Find faces' }).uncheck();
    await settled(page, 3);
    expectSame((await tableOf(page, '#panel-pictures')).slice(0, 2), expected.whole);
    await page.getByRole('checkbox', { name: 'Find faces' }).check();
    await page.getByRole('combobox', { name: 'Model' }).selectOption({ index: 1 });
    await page.locator('.readiness').waitFor({ state: 'detached' });
    await settled(page, 3);
    expect(await page.locator('aside h2').first().innerText()).toBe('other');
    expectSame((await tableOf(page, '#panel-pictures')).slice(0, 2), expected.other);
    await page.getByRole('combobox', { name: 'Model' }).selectOption({ index: 0 });
    await settled(page, 3);
  });

  it('takes pictures that are dropped or pasted', async () => {
    await page.getByRole('button', { name: 'Remove all' }).click();
    const bytes = (await readFile(join(folder, 'two.jpg'))).toString('base64');
    await page.evaluate(`{
      const bytes = Uint8Array.from(atob('${bytes}'), c => c.charCodeAt(0));
      const given = name => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
        return transfer;
      };
      const drop = { bubbles: true, cancelable: true, dataTransfer: given('dropped.jpg') };
      document.body.dispatchEvent(new DragEvent('drop', drop));
      const paste = { bubbles: true, cancelable: true, clipboardData: given('pasted.jpg') };
      document.body.dispatchEvent(new ClipboardEvent('paste', paste));
    }`);
    await settled(page, 2);
    const rows = await tableOf(page, '#panel-pictures');
    expect(rows.map(({ file }) => file)).toEqual(['dropped.jpg', 'dropped.jpg', 'pasted.jpg', 'pasted.jpg']);
    for (const row of rows) expect(row.face).toBe('true');
  });

  it('is worked by the keyboard alone', async () => {
    await page.getByRole('tab', { name: 'Pictures' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { name: 'Camera' }).getAttribute('aria-selected')).toBe('true');
    expect(await page.evaluate('document.activeElement.id')).toBe('tab-camera');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Add pictures');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.type')).toBe('checkbox');
    await page.getByRole('button', { name: 'Remove dropped.jpg' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.getByRole('article').count()).toBe(1);
    // The focus is not lost with the button that had it.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Add pictures');
  });

  it('classifies the camera, draws a timeline, and saves it and a snapshot', async () => {
    await page.getByRole('tab', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Start camera' }).click();
    const panel = page.locator('#panel-camera');
    await panel.locator('.live-faces .bar-top').waitFor({ timeout: 60_000 });
    // Long enough for rates and for a line of time.
    const rates =
      "[...document.querySelectorAll('.metric strong')].filter(rate => Number(rate.textContent) > 0).length";
    await expect.poll(() => page.evaluate(rates), { timeout: 60_000 }).toBe(4);
    await page.waitForTimeout(1500);
    expect(await panel.locator('.live-faces > li').count()).toBe(1);
    const rows = await tableOf(page, '#panel-camera');
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) {
      expect(row).toMatchObject({ model: 'seer', face: '1', top: expect.any(String) as string });
      expect(CLASSES.reduce((sum, name) => sum + Number(row[name]), 0)).toBeCloseTo(1, 4);
      expect(Math.abs(Number(row.x) - 80)).toBeLessThan(30);
    }
    const timeline = panel.locator('canvas.timeline');
    expect(await timeline.getAttribute('aria-label')).toContain('Expressions of face 1 over the last minute; now ');
    // Something is drawn but for the lines of the axis.
    expect((await pixelsOf(timeline)).filter(value => value > 0).length).toBeGreaterThan(10_000);
    const { name, bytes } = await downloaded(page, () => panel.getByRole('button', { name: 'Save snapshot' }).click());
    expect(name).toMatch(/^facegrad-\d{8}-\d{6}\.png$/);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 320, height: 240 });
  });

  it.each(['light', 'dark'] as const)('fits a phone, %s', async colorScheme => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 844 });
    for (const name of ['Camera', 'Pictures']) {
      await page.getByRole('tab', { name }).click();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    }
  });

  it('sends no picture anywhere, asks nobody else, and says nothing on the console', async () => {
    await page.getByRole('tab', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Stop camera' }).click();
    await page.getByRole('button', { name: 'Start camera' }).waitFor();
    expect(noted.sent).toEqual([]);
    expect(noted.faults).toEqual([]);
  });
});

describe.skipIf(browserPath === undefined && !process.env.CI)('the page, without WebGPU', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser(
      ...[...QUIET, '--disable-features=WebGPU', '--use-fake-device-for-media-stream'],
      ...['--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${join(folder, 'camera.y4m')}`],
      `--host-resolver-rules=MAP ${hostname()} 127.0.0.1`,
    );
  }, 60_000);

  afterAll(async () => {
    await browser.close();
  });

  it('says so, and has the server classify pictures and the camera', async () => {
    const { context, faults, sent } = await openContext(browser);
    const page = await context.newPage();
    await page.goto(address.url);
    const banner = page.locator('.banner');
    await banner.waitFor({ timeout: 60_000 });
    expect(await banner.innerText()).toMatch(/WebGPU\. Pictures and camera frames go to .* on this machine/);
    await page.locator('input[type=file]').setInputFiles(inFolder('two.jpg', 'none.png', 'text.jpg'));
    await settled(page, 3);
    expectSame((await tableOf(page, '#panel-pictures')).slice(0, 3), expected.faces);
    // What is no picture was not sent.
    expect(sent.length).toBe(2);
    await page.getByRole('button', { name: 'Show Grad-CAM' }).first().click();
    await page.getByRole('img', { name: /^Grad-CAM of / }).waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Camera' }).click();
    expect(await page.locator('.stage').innerText()).toContain('goes to facegrad serve on this machine');
    await page.getByRole('button', { name: 'Start camera' }).click();
    await page.locator('.live-faces .bar-top').waitFor({ timeout: 60_000 });
    expect(sent.length).toBeGreaterThan(3);
    expect(faults).toEqual([]);
    await context.close();
  });

  it('names the host that pictures go to, where that is another machine, and asks for a token that is missing', async () => {
    const { context } = await openContext(browser);
    const page = await context.newPage();
    const { port } = new URL(address.url);
    await page.goto(`http://${hostname()}:${port}/`);
    await page
      .getByRole('textbox', { name: 'Token' })
      .or(page.locator('input[name=token]'))
      .first()
      .fill(address.token);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByRole('combobox', { name: 'Model' }).waitFor();
    expect(page.url()).not.toContain('token');
    expect(await page.locator('.banner').innerText()).toMatch(
      new RegExp(`over https.*Pictures and camera frames go over the network to ${hostname()},`),
    );
    await context.close();
  });
});
