import { PNG } from 'pngjs';
import { escapeMarkup } from './markup.js';
import { FONT } from './theme.js';

/** Images of one size in rows. */
export interface ImageGrid {
  readonly title: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly rows: readonly ImageRow[];
  /** Under the columns. */
  readonly captions?: readonly string[];
  /** How many times its size an image is shown in. */
  readonly scale: number;
  /** Where labels stand; where it is not said, beside the rows as long as they are short. */
  readonly labels?: 'above';
}

export interface ImageRow {
  readonly label: string;
  /** Side by side from the left, each (H,W,C) bytes. */
  readonly images: readonly Uint8Array[];
  /** Under each image, line by line. */
  readonly captions?: readonly (readonly string[])[];
}

/** Between images, in pixels of the images. */
const GAP = 1;
const TITLE_HEIGHT = 32;
const LINE_HEIGHT = 18;
/** About the width of a letter of 11 pixels. */
const LETTER = 7;
/** Labels of rows stand beside them, but above where one is longer than this: the images keep their place on a phone. */
const LONGEST_BESIDE = 16;
/** A line of captions, the size of its letters and about the width of one. */
const CAPTION = { height: 13, size: 10, letter: 5.8 } as const;

/** Draws the images as an SVG element: one picture that holds all of them, and their labels as text. */
export function drawImageGrid(grid: ImageGrid): string {
  const { title, rows, captions = [], scale } = grid;
  const cell = { width: (grid.width + GAP) * scale, height: (grid.height + GAP) * scale };
  const longest = Math.max(...rows.map(({ label }) => label.length));
  const lines = rows.map(({ captions = [] }) => Math.max(0, ...captions.map(({ length }) => length)));
  const above = grid.labels === 'above' || longest > LONGEST_BESIDE;
  // A wide grid is shrunk most on a phone: its labels are larger.
  const size = above ? Math.min(16, Math.max(11, Math.round((cell.width * columnsOf(grid)) / 48))) : 11;
  const letters = Math.max(LONGEST_BESIDE, Math.floor((cell.width * columnsOf(grid) * 11) / (LETTER * size)));
  const labels = rows.map(({ label }) => (above ? wrapped(label, letters) : [label]));
  // The picture is made of whole pixels, and so is the room that it leaves above each row and below.
  const room = (pixels: number) => Math.ceil(pixels / scale);
  const bands = rows.map((_, row) => ({
    above: above && labels[row]!.length > 0 ? room(labels[row]!.length * Math.ceil(size * 1.4) + 6) : 0,
    below: lines[row]! > 0 ? room(lines[row]! * CAPTION.height + 4) : 0,
  }));
  const sheet = drawSheet(grid, bands);
  const [width, height] = [sheet.picture.width * scale, sheet.picture.height * scale];
  const left = above ? 0 : longest * LETTER + (longest > 0 ? 6 : 0);
  const whole = {
    width: Math.max(left + width, Math.ceil(title.length * LETTER * 1.4)),
    height: TITLE_HEIGHT + height + (captions.length > 0 ? LINE_HEIGHT : 0),
  };
  const top = (row: number) => TITLE_HEIGHT + sheet.tops[row]! * scale;
  const text = (x: number, y: number, content: string, attributes = '', fontSize = 11) =>
    `<text x="${x}" y="${y}" font-size="${fontSize}"${attributes}>${escapeMarkup(content)}</text>`;
  const fitting = Math.floor(cell.width / CAPTION.letter);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}" `,
    `viewBox="0 0 ${whole.width} ${whole.height}" font-family="${FONT}" fill="currentColor" role="img" `,
    `aria-label="${escapeMarkup(title)}">`,
    `<text x="0" y="16" font-size="14" font-weight="bold">${escapeMarkup(title)}</text>`,
    ...labels.flatMap((lines, row) =>
      lines.map((line, i) => {
        const start = top(row) - bands[row]!.above * scale;
        return text(0, above ? start + Math.ceil((i + 1) * size * 1.4) : start + 0.5 * cell.height, line, '', size);
      }),
    ),
    `<image x="${left}" y="${TITLE_HEIGHT}" width="${width}" height="${height}" `,
    `href="data:image/png;base64,${PNG.sync.write(sheet.picture).toString('base64')}"/>`,
    ...rows.flatMap(({ captions = [] }, row) =>
      captions.flatMap((caption, column) =>
        caption.map((line, i) => {
          const y = top(row) + cell.height + (i + 1) * CAPTION.height - 3;
          return text(left + column * cell.width, y, shortened(line, fitting), '', CAPTION.size);
        }),
      ),
    ),
    ...captions.map((caption, column) =>
      text(left + (column + 0.5) * cell.width, whole.height - 5, caption, ' text-anchor="middle"'),
    ),
    '</svg>',
  ].join('');
}

function columnsOf({ rows }: ImageGrid): number {
  return Math.max(...rows.map(({ images }) => images.length));
}

/** Text in lines of at most `letters`, broken at spaces; no line of no text. */
function wrapped(label: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of label === '' ? [] : label.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Text of at most `letters`; what is too long ends in an ellipsis. */
function shortened(line: string, letters: number): string {
  return line.length <= letters ? line : `${line.slice(0, letters - 1)}…`;
}

/**
 * All images in one picture of their own size, with so many pixels free above and below each row, and where rows begin in
 * it; what lies between is transparent.
 */
function drawSheet(
  grid: ImageGrid,
  bands: readonly { readonly above: number; readonly below: number }[],
): { picture: PNG; tops: number[] } {
  const { rows, height, width, channels } = grid;
  let bottom = 0;
  const tops = bands.map(({ above, below }) => {
    const top = bottom + above;
    bottom = top + height + GAP + below;
    return top;
  });
  const picture = new PNG({ width: columnsOf(grid) * (width + GAP), height: bottom });
  rows.forEach(({ images }, row) => {
    images.forEach((image, column) => {
      for (let pixel = 0; pixel < height * width; pixel++) {
        const y = tops[row]! + Math.floor(pixel / width);
        const x = column * (width + GAP) + (pixel % width);
        const to = (y * picture.width + x) * 4;
        for (let c = 0; c < 3; c++) picture.data[to + c] = image[pixel * channels + Math.min(c, channels - 1)]!;
        picture.data[to + 3] = 255;
      }
    });
  });
  return { picture, tops };
}
