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

/** Draws the images as an SVG element: one picture that holds all of them, and their labels as text. */
export function drawImageGrid(grid: ImageGrid): string {
  const { title, rows, captions = [], scale } = grid;
  const cell = { width: (grid.width + GAP) * scale, height: (grid.height + GAP) * scale };
  const sheet = drawSheet(grid);
  const [width, height] = [sheet.width * scale, sheet.height * scale];
  const left = Math.max(...rows.map(({ label }) => label.length)) * LETTER + (rows.some(({ label }) => label) ? 6 : 0);
  const whole = {
    width: Math.max(left + width, Math.ceil(title.length * LETTER * 1.4)),
    height: TITLE_HEIGHT + height + (captions.length > 0 ? LINE_HEIGHT : 0),
  };
  const text = (x: number, y: number, content: string, attributes = '') =>
    `<text x="${x}" y="${y}" font-size="11"${attributes}>${escapeMarkup(content)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}" `,
    `viewBox="0 0 ${whole.width} ${whole.height}" font-family="${FONT}" fill="currentColor" role="img" `,
    `aria-label="${escapeMarkup(title)}">`,
    `<text x="0" y="16" font-size="14" font-weight="bold">${escapeMarkup(title)}</text>`,
    ...rows.map(({ label }, row) => text(0, TITLE_HEIGHT + (row + 0.5) * cell.height, label)),
    `<image x="${left}" y="${TITLE_HEIGHT}" width="${width}" height="${height}" `,
    `href="data:image/png;base64,${PNG.sync.write(sheet).toString('base64')}"/>`,
    ...captions.map((caption, column) =>
      text(left + (column + 0.5) * cell.width, whole.height - 5, caption, ' text-anchor="middle"'),
    ),
    '</svg>',
  ].join('');
}

/** All images in one picture of their own size; what lies between them is transparent. */
function drawSheet({ rows, height, width, channels }: ImageGrid): PNG {
  const columns = Math.max(...rows.map(({ images }) => images.length));
  const sheet = new PNG({ width: columns * (width + GAP), height: rows.length * (height + GAP) });
  rows.forEach(({ images }, row) => {
    images.forEach((image, column) => {
      for (let pixel = 0; pixel < height * width; pixel++) {
        const y = row * (height + GAP) + Math.floor(pixel / width);
        const x = column * (width + GAP) + (pixel % width);
        const to = (y * sheet.width + x) * 4;
        for (let c = 0; c < 3; c++) sheet.data[to + c] = image[pixel * channels + Math.min(c, channels - 1)]!;
        sheet.data[to + 3] = 255;
      }
    });
  });
  return sheet;
}
