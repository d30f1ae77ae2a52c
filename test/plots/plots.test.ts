import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import {
  byteHistogram,
  drawImageGrid,
  groupedBars,
  htmlPage,
  pie,
  pngFile,
  scatter,
  stackedBars,
  svgFile,
  type Section,
} from '../../src/plots/index.js';
import { externalReferences, requireWellFormed } from './markup.js';

const awkward = '<b> & "c\'\u0001';
const shares = [
  { category: 'happy', count: 30 },
  { category: awkward, count: 10 },
];

/** Colours of the pixels of a PNG file, as `r,g,b`, and how often each occurs. */
function coloursOf(png: Uint8Array): Map<string, number> {
  const { data } = PNG.sync.read(Buffer.from(png));
  const colours = new Map<string, number>();
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.subarray(i, i + 3).join();
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  return colours;
}

/** The heights of the rectangles (bars) that a chart draws, by fill. */
function bars(svg: string): { fill: string; height: number }[] {
  return [...svg.matchAll(/aria-roledescription="bar" d="M[^v]*v([\d.-]+)[^"]*" fill="([^"]*)"/g)].map(
    ([, height, fill]) => ({ fill: fill!, height: Number(height) }),
  );
}

describe('the check of well-formedness', () => {
  it('fails on what is not, and finds what would be loaded', () => {
    expect(() => {
      requireWellFormed('<p>one<br>two</p>');
    }).toThrow();
    expect(() => {
      requireWellFormed('<svg><text>a & b</text></svg>');
    }).toThrow();
    expect(externalReferences('<img src="x.png"><a href="#here"/><p style="background:url(y.png)">')).toHaveLength(2);
    expect(externalReferences('<script src="https://host/x.js">')).not.toEqual([]);
    expect(externalReferences('<svg xmlns="http://www.w3.org/2000/svg">')).toEqual([]);
  });
});

describe('charts', () => {
  it('are well-formed, whatever classes are called, load nothing and draw text in the colour around them', async () => {
    const histogram = new Float64Array(256).fill(3);
    const figures = [
      await stackedBars(awkward, [{ name: 'train', shares }], 'images'),
      await pie('Shares', shares),
      await byteHistogram('Bytes', [{ name: 'grey', colour: '#808080', histogram }], 'value'),
    ];
    for (const svg of figures) {
      requireWellFormed(svg);
      requireWellFormed(svgFile(svg).replace(/^<\?xml.*\?>\n/, ''));
      expect(externalReferences(svg)).toEqual([]);
      expect(svg).toMatch(/<text[^>]*fill="currentColor"/);
      expect(svg).not.toMatch(/fill="(#000|black|white|#fff)"/);
    }
  });

  it('stay narrow enough for a phone, with the whole names of many classes', async () => {
    const names = Array.from({ length: 13 }, (_, k) => `A-rather-long-name-of-class-${k}`);
    const width = (svg: string) => Number(/width="([\d.]+)"/.exec(svg)?.[1]);
    const series = ['precision', 'recall', 'F1'];
    const bars = names.flatMap(category =>
      series.map(name => ({ category, series: name, value: 0.5, low: 0.4, high: 0.6 })),
    );
    const points = names.map((name, k) => ({ x: k, y: k * k, series: name, wrong: k % 2 === 0 }));
    const image = new Uint8Array(48 * 48).fill(9);
    const label = `${names[0]!} as ${names.slice(1, 5).join(', ')}`;
    const grid = { title: 'Wrong', height: 48, width: 48, channels: 1, scale: 2 };
    const figures = [
      await groupedBars('Scores', bars, 'score', { domain: [0, 1] }),
      await scatter('Points', points, names),
      drawImageGrid({ ...grid, rows: [{ label, images: Array<Uint8Array>(6).fill(image) }] }),
    ];
    // Names of 28 letters take as much as the bars themselves.
    for (const svg of figures) expect(width(svg)).toBeLessThan(640);
    for (const svg of figures.slice(0, 2)) for (const name of names) expect(svg).toContain(`>${name}</text>`);
  });

  it('draw bars as high as their counts, stacked by series', async () => {
    const series = [
      {
        name: 'train',
        shares: [
          { category: 'a', count: 60 },
          { category: 'b', count: 20 },
        ],
      },
      {
        name: 'test',
        shares: [
          { category: 'a', count: 20 },
          { category: 'b', count: 0 },
        ],
      },
    ];
    const svg = await stackedBars('Images', series, 'images');
    const heights = bars(svg);
    const trained = heights.filter(({ fill }) => fill === heights[0]!.fill).map(({ height }) => Math.abs(height));
    expect(trained).toHaveLength(2);
    expect(Math.max(...trained) / Math.min(...trained)).toBeCloseTo(3, 1);
    expect(svg).toContain('>80</text>');
    expect(svg).toContain('>train</text>');
  });

  it('tell the share of each slice', async () => {
    const svg = await pie('Shares', shares);
    expect(svg.replaceAll(/\s+/g, ' ')).toContain('happy 75.0 %');
    expect(svg.replaceAll(/\s+/g, ' ')).toContain('&lt;b&gt; &amp;');
  });

  it('overlay the histograms of channels, with a legend', async () => {
    const one = Float64Array.from({ length: 256 }, (_, i) => i);
    const svg = await byteHistogram(
      'Bytes',
      [
        { name: 'red', colour: '#ff0001', histogram: one },
        { name: 'blue', colour: '#0100ff', histogram: one.toReversed() },
      ],
      'value',
    );
    expect(svg).toContain('fill="#ff0001"');
    expect(svg).toContain('fill="#0100ff"');
    expect(svg).toContain('>red</text>');
  });
});

describe('pngFile', () => {
  it('draws black text on white without fonts of the machine', () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><text x="2" y="15" fill="currentColor" ' +
      'font-family="DejaVu Sans, Verdana, sans-serif">Text</text></svg>';
    const colours = coloursOf(pngFile(svg));
    expect(colours.get('255,255,255')).toBeGreaterThan(3000);
    expect(colours.get('0,0,0')).toBeGreaterThan(50);
  });
});

describe('drawImageGrid', () => {
  const image = (value: number) => new Uint8Array(4).fill(value);
  const grid = {
    ...{ title: awkward, height: 2, width: 2, channels: 1, scale: 5 },
    rows: [
      { label: 'first', images: [image(10), image(20), image(30)] },
      { label: awkward, images: [image(200)] },
    ],
  };

  it('holds every image where it belongs, and shows it', () => {
    const svg = drawImageGrid(grid);
    requireWellFormed(svg);
    expect(externalReferences(svg)).toEqual([]);
    const sheet = PNG.sync.read(Buffer.from(/base64,([^"]*)"/.exec(svg)![1]!, 'base64'));
    const at = (x: number, y: number) => [
      ...sheet.data.subarray((y * sheet.width + x) * 4, (y * sheet.width + x) * 4 + 4),
    ];
    expect([0, 3, 6].map(x => at(x, 0))).toEqual([10, 20, 30].map(value => [value, value, value, 255]));
    expect(at(1, 4)).toEqual([200, 200, 200, 255]);
    expect(at(3, 3)[3]).toBe(0);
    const colours = coloursOf(pngFile(svg));
    for (const value of [10, 20, 30, 200]) expect(colours.get(`${value},${value},${value}`)).toBeGreaterThan(10);
  });

  it('has captions under images, labels above them where asked, and nothing over an image', () => {
    const captions = [['one', 'as two'], ['a name that is far too long for its place'], []];
    const rows = [
      { ...grid.rows[0]!, captions },
      { ...grid.rows[0]!, label: '' },
    ];
    const svg = drawImageGrid({ ...grid, scale: 20, labels: 'above', rows });
    requireWellFormed(svg);
    const places = new Map(
      [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)<\/text>/g)].map(([, x, y, text]) => [
        text!,
        { x: Number(x), y: Number(y) },
      ]),
    );
    const sheet = PNG.sync.read(Buffer.from(/base64,([^"]*)"/.exec(svg)![1]!, 'base64'));
    const covered = (text: string) => {
      const { x, y } = places.get(text)!;
      const [column, row] = [Math.floor(x / 20), Math.floor((y - 32) / 20)];
      return sheet.data[(row * sheet.width + column) * 4 + 3] === 255;
    };
    const [short] = [...places.keys()].filter(text => text.endsWith('…'));
    for (const text of ['first', 'one', 'as two', short!]) expect(covered(text), text).toBe(false);
    expect(places.get('as two')!.y - places.get('one')!.y).toBeCloseTo(13, 5);
    expect(places.get(short!)!.x).toBeGreaterThan(places.get('one')!.x);
    expect(short!.length * 5).toBeLessThan(60);
  });

  it('shows colours, and captions under the columns', () => {
    const red = Uint8Array.of(...[255, 0, 0], ...[255, 0, 0], ...[255, 0, 0], ...[255, 0, 0]);
    const svg = drawImageGrid({ ...grid, channels: 3, rows: [{ label: '', images: [red] }], captions: ['a < b'] });
    requireWellFormed(svg);
    expect(svg).toContain('>a &lt; b</text>');
    expect(coloursOf(pngFile(svg)).get('255,0,0')).toBeGreaterThan(100);
  });
});

describe('htmlPage', () => {
  const section: Section = {
    heading: awkward,
    text: awkward,
    figures: [
      drawImageGrid({
        title: 'x',
        height: 1,
        width: 1,
        channels: 1,
        scale: 1,
        rows: [{ label: 'x', images: [Uint8Array.of(1)] }],
      }),
    ],
    table: [
      ['', awkward],
      [awkward, '1'],
    ],
  };

  it('puts words on the left and figures on the right, and gathers sections in groups', () => {
    const table = [
      ['run', 'model', 'accuracy', '95 %'],
      ['a', 'mlp', '61.20 %', '60.00 to 62.00 %'],
      ['b', '3-layer cnn', '–', ''],
    ];
    const sections = Array.from({ length: 10 }, (_, i) => ({
      ...{ heading: `part ${i}`, table },
      ...(i < 2 ? {} : { group: i < 6 ? 'first' : 'second' }),
    }));
    const page = htmlPage('Runs', '', sections);
    requireWellFormed(/<body>[^]*<\/body>/.exec(page)![0]);
    const [head] = [...page.matchAll(/<thead>(.*?)<\/thead>/g)].map(([, row]) => row!);
    expect(
      [...head!.matchAll(/<th[^>]*?(class="words")?>(.*?)<\/th>/g)].map(([, words, name]) => [name, !!words]),
    ).toEqual([
      ['run', true],
      ['model', true],
      ['accuracy', false],
      ['95 %', false],
    ]);
    expect([...page.matchAll(/<h2[^>]*>(.*?)<\/h2>/g)].map(([, name]) => name)).toEqual([
      ...['part 0', 'part 1', 'first', 'second'],
    ]);
    expect([...page.matchAll(/<h3>/g)]).toHaveLength(8);
    const contents = /<nav[^>]*>([^]*?)<\/nav>/.exec(page)![1]!;
    const paragraphs = [...contents.matchAll(/<p>(.*?)<\/p>/g)].map(([, p]) => [...p!.matchAll(/<a /g)].length);
    expect(paragraphs).toEqual([2, 4, 4]);
  });

  it('is well-formed, forbids loading, and serves light and dark', () => {
    const page = htmlPage(awkward, awkward, [section, { heading: 'bare' }]);
    requireWellFormed(/<body>[^]*<\/body>/.exec(page)![0]);
    expect(externalReferences(page)).toEqual([]);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('prefers-color-scheme: dark');
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toContain('<b>');
    expect(page).not.toContain('<script');
  });
});
