import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explanationMethods } from '../../src/cli/explain-options.js';
import { EXPLANATION_METHODS } from '../../src/evaluate/explain/explain.js';
import { confusionMatrixChart, htmlPage } from '../../src/plots/index.js';
import { escapeMarkup } from '../../src/plots/markup.js';
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

/** The run that is reported alone, of a network whose maps of what it looks at can be had, and one of a network without. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-report-'));
  await writeFile(join(folder, 'noise.csv'), noise(3));
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

async function readJson<T>(...path: string[]): Promise<T> {
  return JSON.parse(await readFile(join(folder, ...path), 'utf8')) as T;
}

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
    interface Written {
      figures: string[];
      runs: { split: string; count: number; accuracy: number }[];
    }
    const report = await readJson<Written>('deep', 'report', 'report.json');
    // What training found at its end, with the same weights on the same images.
    const { testAccuracy } = await readJson<{ testAccuracy: number }>('deep', 'summary.json');
    expect(report.figures).toEqual(figures);
    expect(report.runs).toEqual([expect.objectContaining({ split: 'test', count: 21 })]);
    expect(report.runs[0]!.accuracy).toBeCloseTo(testAccuracy, 6);
  });

  it('compares several runs, and says of what is missing why', async () => {
    const options = ['--out', 'both', '--examples', '1', '--points', '20', '--layer', 'layer9'];
    const { code, stderr } = await run('report', 'deep', 'nowhere', 'flat', ...options);
    expect(code, stderr).toBe(3);
    const page = await readFile(join(folder, 'both', 'report.html'), 'utf8');
    const reasons = [
      'nowhere: no such run folder',
      "no layer with a height and a width is called 'layer9'; the nearest are layer",
      'the model has no layer with a height and a width',
    ];
    for (const reason of reasons) {
      expect(stderr).toContain(reason);
      expect(page).toContain(escapeMarkup(reason));
    }
    for (const text of ['2 runs compared', 'Not in this report', 'Side by side', 'more than chance']) {
      expect(page).toContain(text);
    }
    expect([...page.matchAll(/<h2 class="group">(.*?)<\/h2>/g)].map(([, group]) => group)).toEqual(['deep', 'flat']);
    expect([...page.matchAll(/<h3>Confusion matrix/g)]).toHaveLength(2);
    const files = await readdir(join(folder, 'both', 'figures'));
    expect(files).toEqual(expect.arrayContaining(['validation-accuracy.svg', 'deep-roc.png', 'flat-roc.png']));
  });

  it.each([
    ['runs that are none', ['nowhere', 'noise.csv'], ['nowhere: no such run folder', 'noise.csv is a file']],
    ['a file for a folder', ['deep', '--out', 'noise.csv'], ['noise.csv is a file']],
    ['a method that is none', ['deep', '--method', 'gradcam'], ['Did you mean grad-cam?']],
    ['a layer of a method without', ['deep', '--method', 'smooth-grad', '--layer', 'layer2'], ['--layer is for']],
  ])('refuses %s, and writes nothing', async (_what, args, texts) => {
    const { code, stderr } = await run('report', '--out', 'refused', ...args);
    for (const text of texts) expect(stderr).toContain(text);
    expect(code).toBe(2);
    expect(await readdir(folder)).not.toContain('refused');
  });

  it('knows the methods that there are', () => {
    expect(explanationMethods).toEqual(EXPLANATION_METHODS);
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

  const pages = { deep: join('deep', 'report', 'report.html'), both: join('both', 'report.html') };
  const least = { deep: 15, both: 27 };

  it.each([
    ['deep', 1280, 'dark'],
    ['deep', 390, 'light'],
    ['both', 1280, 'light'],
    ['both', 390, 'dark'],
  ] as const)(
    '%s at %i pixels, %s: draws every figure, loads nothing, nothing is wider than the page',
    async (name, width, colorScheme) => {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const faults: string[] = [];
      page.on('console', message => faults.push(`console: ${message.text()}`));
      page.on('pageerror', error => faults.push(`error: ${error.message}`));
      page.on('request', request => {
        if (!/^(file|data):/.test(request.url())) faults.push(`request: ${request.url()}`);
      });
      await page.goto(pathToFileURL(join(folder, pages[name])).href);
      expect(faults).toEqual([]);
      const figures = await drawnFigures(page);
      expect(figures.length).toBeGreaterThanOrEqual(least[name]);
      for (const { label, width: drawn, height, marks } of figures) {
        expect(label).not.toBe('');
        expect(drawn, label).toBeGreaterThan(100);
        // None of seven classes has to be scrolled.
        expect(drawn, label).toBeLessThanOrEqual(width - 32);
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

  it('scrolls a matrix of many classes within its figure on a phone, rather than shrink it beyond reading', async () => {
    const classes = Array.from({ length: 13 }, (_, k) => `a-long-name-of-class-${k}`);
    const counts = classes.map((_, t) => classes.map((_, p) => (t === p ? 1234 : t + p)));
    const figures = [await confusionMatrixChart('Confusion matrix', classes, counts)];
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    await page.setContent(htmlPage('Many classes', '', [{ heading: 'Matrix', figures }]));
    const [figure] = await page.evaluate<{ seen: number; whole: number; scale: number }[]>(
      `[...document.querySelectorAll('figure')].map(figure => {
        const svg = figure.querySelector('svg');
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return { seen: figure.clientWidth, whole: figure.scrollWidth, scale };
      })`,
    );
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(figure!.seen).toBeLessThanOrEqual(390 - 32);
    expect(figure!.whole).toBeGreaterThan(figure!.seen);
    // Of letters of 10 pixels and more.
    expect(figure!.scale).toBeGreaterThanOrEqual(0.89);
    await page.close();
  });
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
