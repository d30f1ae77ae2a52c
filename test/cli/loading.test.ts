import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoadingBar, loadingLine, LoadingLines, Pace, type LoadProgress } from '../../src/cli/report/loading.js';

/** To the first column, and the whole line away. */
const WIPE = '\x1b[1G\x1b[2K';

const packing: LoadProgress = {
  text: 'packing images',
  fraction: 0.45,
  images: { done: 5555, total: 12_345 },
  imagesPerSecond: 1523.4,
  secondsLeft: 4.6,
};

describe('loadingLine', () => {
  it('tells images done, of how many, their rate and the time left', () => {
    expect(loadingLine(packing, 100)).toBe(
      'packing images ██████████████░░░░░░░░░░░░░░░░  45 %   5,555/12,345 images  1,523 img/s  0:05 left',
    );
  });

  it('makes up no total, no rate and no time where none is known', () => {
    const unknown = loadingLine({ text: 'reading a.csv', fraction: 0.5, images: { done: 1200 } }, 80);
    expect(unknown).toMatch(/^reading a\.csv █+░+ {2}50 % {2}1,200 images$/);
    expect(loadingLine({ text: 'looking through a.tar', fraction: 0 }, 80)).toMatch(
      /^looking through a\.tar ░+ {3}0 %$/,
    );
  });

  it('keeps the length of its bar as numbers appear', () => {
    const cells = (progress: LoadProgress) => loadingLine(progress, 80).replace(/[^█░]/g, '').length;
    const { text, images } = packing;
    expect(cells({ text, fraction: 0, images })).toBe(cells(packing));
    expect(cells(packing)).toBe(11);
  });

  it.each([10, 30, 60, 64, 66, 70, 80, 100, 200])('fits into %i columns, and keeps its numbers', width => {
    for (const progress of [packing, { ...packing, text: `reading /data/${'long/'.repeat(40)}fer2013.csv` }]) {
      const line = loadingLine(progress, width);
      expect(line.length).toBeLessThan(width);
      if (width >= 60) expect(line).toContain('5,555/12,345 images  1,523 img/s  0:05 left');
    }
  });
});

describe('Pace', () => {
  it('is the mean since what is being done began', () => {
    const pace = new Pace();
    const at = (seconds: number, text: string, fraction: number, done: number) => {
      const { imagesPerSecond, secondsLeft } = pace.measure(text, fraction, { done }, 1000 * (50 + seconds));
      return [imagesPerSecond, secondsLeft];
    };
    // A load that is first heard of at a fifth.
    expect(at(0, 'a', 0.2, 100)).toEqual([undefined, undefined]);
    expect(at(0.1, 'a', 0.21, 105)).toEqual([undefined, undefined]);
    expect(at(4, 'a', 0.6, 300)).toEqual([50, expect.closeTo(4, 10)]);
    expect(at(8, 'a', 1, 500)).toEqual([50, 0]);
    expect(at(9, 'b', 0, 0)).toEqual([undefined, undefined]);
    expect(at(11, 'b', 0.25, 20)).toEqual([10, 6]);
    // Nothing has moved: there is no telling.
    expect(at(20, 'c', 0.5, 7)).toEqual([undefined, undefined]);
    expect(at(30, 'c', 0.5, 7)).toEqual([undefined, undefined]);
  });
});

describe('LoadingBar', () => {
  it('draws on a terminal, lets notes stand above, and takes itself away', () => {
    let text = '';
    const terminal = new Writable({
      write(chunk: Buffer, _, done) {
        text += chunk.toString();
        done();
      },
    });
    const bar = new LoadingBar(Object.assign(terminal, { isTTY: true, columns: 90 }) as unknown as NodeJS.WriteStream);
    try {
      bar.progress('packing images', 0.25, { done: 5, total: 20 });
      expect(text).toContain(' 25 %   5/20 images');
      bar.note('warning: look');
      // On a line of its own: the bar was wiped away before.
      expect(text.endsWith(`${WIPE}warning: look\n`)).toBe(true);
      bar.progress('packing images', 0.5, { done: 10, total: 20 });
      expect(text.slice(text.indexOf('look'))).toContain(' 50 %  10/20 images');
    } finally {
      bar.dispose();
    }
    expect(text.endsWith(WIPE)).toBe(true);
    const before = text;
    bar.dispose();
    expect(text).toBe(before);
  });
});

describe('LoadingLines', () => {
  let now = 0;
  let text = '';
  beforeEach(() => {
    [now, text] = [0, ''];
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    vi.spyOn(process.stderr, 'write').mockImplementation(chunk => {
      text += String(chunk);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('say nothing of a quick load, and something every ten seconds of a slow one', () => {
    const lines = new LoadingLines();
    for (; now < 35_000; now += 1000) {
      const done = now / 10;
      lines.progress('packing images', done / 4000, { done, total: 4000 });
      if (now === 9000) expect(text).toBe('');
    }
    now = 60_000;
    lines.progress('packing images', 1, { done: 4000, total: 4000 });
    expect(text).toBe(
      'packing images: 25 %, 1,000/4,000 images, 100 img/s, 0:30 left\n' +
        'packing images: 50 %, 2,000/4,000 images, 100 img/s, 0:20 left\n' +
        'packing images: 75 %, 3,000/4,000 images, 100 img/s, 0:10 left\n',
    );
  });
});
