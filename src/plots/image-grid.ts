import { PNG } from 'pngjs';
import { escapeMarkup } from './markup.js';
import { FONT } from './theme.js';

/** Images of one size in rows. */
export interface ImageGrid {
  readonly title: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Side by side from the left, each (H,W,C) bytes. */
  readonly rows: readonly { readonly label: string; readonly images: readonly Uint8Array[] }[];
  /** Under the columns. */
  readonly captions?: readonly string[];
  /** How many times its size an image is shown in. */
  readonly scale: number;
}

/** Between images, in pixels of the images. */
const GAP = 1;
const TITLE_HEIGHT = 32;
const LINE_HEIGHT = 18;
/** About the width of a letter of 11 pixels. */
const LETTER = 7;
/** Labels of rows stand beside them, but above where one is longer than this: the images keep their place on a phone. */
const LONGEST_BESIDE = 16;

/** Draws the images as an SVG element: one picture that holds all of them, and their labels as text. */
export function drawImageGrid(grid: ImageGrid): string {
  const { title, rows, captions = [], scale } = grid;
  const cell = { width: (grid.width + GAP) * scale, height: (grid.height + GAP) * scale };
  const longest = Math.max(...rows.map(({ label }) => label.length));
  const above = longest > LONGEST_BESIDE;
  // A wide grid is shrunk most on a phone: its labels are larger.
  const size = above ? Math.min(16, Math.max(11, Math.round((cell.width * columnsOf(grid)) / 48))) : 11;
  const letters = Math.max(LONGEST_BESIDE, Math.floor((cell.width * columnsOf(grid) * 11) / (LETTER * size)));
  const labels = rows.map(({ label }) => (above ? wrapped(label, letters) : [label]));
  const room = above ? Math.max(...labels.map(({ length }) => length)) * Math.ceil(size * 1.4) + 6 : 0;
  const sheet = drawSheet(grid, Math.ceil(room / scale));
  const band = Math.ceil(room / scale) * scale;
  const [width, height] = [sheet.width * scale, sheet.height * scale];
  const left = above ? 0 : longest * LETTER + (longest > 0 ? 6 : 0);
  const whole = {
    width: Math.max(left + width, Math.ceil(title.length * LETTER * 1.4)),
    height: TITLE_HEIGHT + height + (captions.length > 0 ? LINE_HEIGHT : 0),
  };
  const text = (x: number, y: number, content: string, attributes = '', fontSize = 11) =>
    `<text x="${x}" y="${y}" font-size="${fontSize}"${attributes}>${escapeMarkup(content)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}" `,
    `viewBox="0 0 ${whole.width} ${whole.height}" font-family="${FONT}" fill="currentColor" role="img" `,
    `aria-label="${escapeMarkup(title)}">`,
    `<text x="0" y="16" font-size="14" font-weight="bold">${escapeMarkup(title)}</text>`,
    ...labels.flatMap((lines, row) =>
      lines.map((line, i) => {
        const top = TITLE_HEIGHT + row * (cell.height + band);
        return text(0, above ? top + Math.ceil((i + 1) * size * 1.4) : top + 0.5 * cell.height, line, '', size);
      }),
    ),
    `<image x="${left}" y="${TITLE_HEIGHT}" width="${width}" height="${height}" `,
    `href="data:image/png;base64,${PNG.sync.write(sheet).toString('base64')}"/>`,
    ...captions.map((caption, column) =>
      text(left + (column + 0.5) * cell.width, whole.height - 5, caption, ' text-anchor="middle"'),
    ),
    '</svg>',
  ].join('');
}

function columnsOf({ rows }: ImageGrid): number {
  return Math.max(...rows.map(({ images }) => images.length));
}

/** Text in lines of at most `letters`, broken at spaces. */
function wrapped(label: string, letters: number): string[] {
  const lines: string[] = [];
  for (const word of label.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** All images in one picture of their own size, `band` pixels free above each row; what lies between is transparent. */
function drawSheet(grid: ImageGrid, band: number): PNG {
  const { rows, height, width, channels } = grid;
  const pitch = height + GAP + band;
  const sheet = new PNG({ width: columnsOf(grid) * (width + GAP), height: rows.length * pitch });
  rows.forEach(({ images }, row) => {
    images.forEach((image, column) => {
      for (let pixel = 0; pixel < height * width; pixel++) {
        const y = row * pitch + band + Math.floor(pixel / width);
        const x = column * (width + GAP) + (pixel % width);
        const to = (y * sheet.width + x) * 4;
        for (let c = 0; c < 3; c++) sheet.data[to + c] = image[pixel * channels + Math.min(c, channels - 1)]!;
        sheet.data[to + 3] = 255;
      }
    });
  });
  return sheet;
}
