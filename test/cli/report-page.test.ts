import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportMethods } from '../../src/cli/report-command.js';
import { EXPLANATION_METHODS } from '../../src/evaluate/explain/explain.js';
import { RandomStream } from '../../src/util/random.js';
import { browserPath, openBrowser } from '../browser.js';
import { externalReferences } from '../plots/markup.js';
import { facegrad } from './facegrad.js';

let folder: string;

/** Noise in FER-2013's form: `each` images of every class in each split. */
function noise(each: number): string {
  const random = new RandomStream(9, 0);
  const usages = ['Training', 'PublicTest', 'PrivateTest'];
  const lines = usages.flatMap(usage =>
    Array.from({ length: 7 * each }, (_, i) => {
      const pixels = Array.from({ length: 2304 }, () => random.integer(256)).join(' ');
      return `${i % 7},${pixels},${usage}`;
    }),
  );
  return ['emotion,pixels,Usage', ...lines, ''].join('\n');
}

const run = (...args: string[]) => facegrad(args, { cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-report-'));
  await writeFile(join(folder, 'noise.csv'), noise(8));
  for (const [out, model] of [
    ['deep', 'mini-resnet'],
    ['flat', 'simple-mlp'],
  ] as const) {
    const { code, stderr } = await run('train', model, '--data', 'noise.csv', '--epochs', '2', '--out', out);
    expect(code, stderr).toBe(0);
  }
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('facegrad report', () => {
  it('writes a page that holds all it shows, figures beside it, and the figures as JSON', async () => {
    const { code, stdout, stderr } = await run('report', 'deep', '--examples', '1', '--json');
    expect(code, stderr).toBe(0);
    const { page, figures } = JSON.parse(stdout) as { page: string; figures: string[] };
    expect(page).toBe(join('deep', 'report', 'report.html'));
    expect(figures).toEqual([
      ...['loss', 'accuracy', 'learning-rate', 'confusion-matrix', 'classes', 'roc', 'precision-recall', 'reliability'],
      ...['confused-pairs', 'surest-mistakes', 'brightness', 'contrast', 'distribution'],
      ...(figures.includes('maps-right') ? ['maps-right'] : []),
      ...['maps-wrong', 'embedding'],
    ]);
    const files = await readdir(join(folder, 'deep', 'report', 'figures'));
    expect(files.sort()).toEqual(figures.flatMap(name => [`${name}.png`, `${name}.svg`]).sort());
    expect(externalReferences(await readFile(join(folder, page), 'utf8'))).toEqual([]);
    const [assessment] = JSON.parse(await readFile(join(folder, 'deep', 'report', 'report.json'), 'utf8')) as [
      { split: string; count: number; accuracy: number },
    ];
    const evaluated = await run('eval', '--run', 'deep', '--split', 'test', '--json');
    expect(assessment).toMatchObject({ split: 'test', count: 56 });
    expect(assessment.accuracy).toBe((JSON.parse(evaluated.stdout) as { accuracy: number }).accuracy);
  });

  it('compares several runs, and says what a network has no maps of', async () => {
    const { code, stderr } = await run('report', 'deep', 'flat', '--out', 'both', '--examples', '1', '--points', '20');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('flat: left out: the model has no convolutions');
    const page = await readFile(join(folder, 'both', 'report.html'), 'utf8');
    for (const text of ['2 runs compared', 'Side by side', 'more than chance', 'deep: Confusion', 'flat: Confusion']) {
      expect(page).toContain(text);
    }
    const files = await readdir(join(folder, 'both', 'figures'));
    expect(files).toEqual(expect.arrayContaining(['validation-accuracy.svg', 'deep-roc.png', 'flat-roc.png']));
  });

  it.each([
    ['a run that is none', ['nowhere'], 'nowhere: no such run folder'],
    ['a layer that is none', ['deep', '--layer', 'layer9'], "called 'layer9'; the nearest are layer"],
    ['a method that is none', ['deep', '--method', 'gradcam'], 'Did you mean grad-cam?'],
  ])('refuses %s, and writes nothing', async (_what, args, text) => {
    const { code, stderr } = await run('report', ...args, '--out', 'refused');
    expect(stderr).toContain(text);
    expect(code).toBe(2);
    expect(await readdir(folder)).not.toContain('refused');
  });

  it('knows the methods that there are', () => {
    expect([...reportMethods]).toEqual([...EXPLANATION_METHODS, 'none']);
  });
});

describe.skipIf(browserPath === undefined && !process.env.CI)('the page in a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
  });

  it.each([
    [1280, 'light'],
    [390, 'dark'],
  ] as const)(
    'at %i pixels, %s: draws every figure, loads nothing, nothing is wider than the page',
    async (width, colorScheme) => {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const faults: string[] = [];
      page.on('console', message => faults.push(`console: ${message.text()}`));
      page.on('pageerror', error => faults.push(`error: ${error.message}`));
      page.on('request', request => {
        if (!/^(file|data):/.test(request.url())) faults.push(`request: ${request.url()}`);
      });
      await page.goto(pathToFileURL(join(folder, 'both', 'report.html')).href);
      expect(faults).toEqual([]);
      const figures = await drawnFigures(page);
      expect(figures.length).toBeGreaterThan(25);
      for (const { label, width: drawn, height, marks } of figures) {
        expect(label).not.toBe('');
        expect(drawn, label).toBeGreaterThan(100);
        expect(drawn, label).toBeLessThanOrEqual(width);
        expect(height, label).toBeGreaterThan(60);
        expect(marks, label).toBeGreaterThan(0);
      }
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      // Contents lead to sections that are there.
      const lost =
        "[...document.querySelectorAll('nav a')].filter(a => !document.querySelector(a.getAttribute('href'))).length";
      expect(await page.evaluate(lost)).toBe(0);
      await page.close();
    },
  );
});

/** As text, since these tests are compiled without the types of a browser. */
const DRAWN = `[...document.querySelectorAll('figure > svg')].map(svg => {
  const { width, height } = svg.getBoundingClientRect();
  const label = svg.getAttribute('aria-label') ?? svg.querySelector('text')?.textContent ?? '';
  return { label, width, height, marks: svg.querySelectorAll('path, image, rect').length };
})`;

function drawnFigures(page: Page): Promise<{ label: string; width: number; height: number; marks: number }[]> {
  return page.evaluate(DRAWN);
}
