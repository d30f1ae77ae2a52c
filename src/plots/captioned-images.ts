import { PNG } from 'pngjs';
import { escapeMarkup } from './markup.js';
import { FONT } from './theme.js';

/** An image with what is said of it. */
export interface CaptionedImage {
  /** (H,W,C) bytes, grey or colour. */
  readonly data: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Below it. */
  readonly caption: string;
  /** In a second line, where the first is wrong; both are then red. */
  readonly wrong?: string;
}

const COLUMNS = 8;
/** Side of an image as it is shown, and of its cell. */
const SHOWN = 96;
const CELL = 112;
const MARGIN = 10;
const TITLE_HEIGHT = 40;
const LINE_HEIGHT = 15;
/** Letters of 11 pixels that a cell has room for. */
const LETTERS = 16;
const RED = '#c1121f';

/** Draws images in rows of eight as an SVG element, each by itself with its caption. */
export function drawCaptionedImages(title: string, images: readonly CaptionedImage[]): string {
  const lines = images.some(({ wrong }) => wrong !== undefined) ? 2 : 1;
  const pitch = SHOWN + 8 + lines * LINE_HEIGHT;
  const rows = Math.ceil(images.length / COLUMNS);
  const width = MARGIN + Math.max(Math.min(images.length, COLUMNS) * CELL, title.length * 9);
  const height = TITLE_HEIGHT + rows * pitch + MARGIN;
  const cells = images.flatMap((image, i) => {
    const x = MARGIN + (i % COLUMNS) * CELL;
    const y = TITLE_HEIGHT + Math.floor(i / COLUMNS) * pitch;
    const scale = SHOWN / Math.max(image.height, image.width);
    const fill = image.wrong === undefined ? '' : ` fill="${RED}"`;
    const text = [image.caption, ...(image.wrong === undefined ? [] : [image.wrong])].map(
      (line, row) =>
        `<text x="${x}" y="${y + SHOWN + (row + 1) * LINE_HEIGHT - 3}" font-size="11"${fill}>${escapeMarkup(shortened(line))}</text>`,
    );
    return [
      // Enlarged pixels stay squares: what the network sees, and a small file.
      `<image x="${x}" y="${y}" width="${image.width * scale}" height="${image.height * scale}" image-rendering="optimizeSpeed" `,
      `href="data:image/png;base64,${PNG.sync.write(bitmap(image)).toString('base64')}"/>`,
      ...text,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" `,
    `font-family="${FONT}" fill="currentColor" role="img" aria-label="${escapeMarkup(title)}">`,
    `<text x="${MARGIN}" y="24" font-size="14" font-weight="bold">${escapeMarkup(title)}</text>`,
    ...cells,
    '</svg>',
  ].join('');
}

function shortened(text: string): string {
  return text.length <= LETTERS ? text : `${text.slice(0, LETTERS - 1)}…`;
}

function bitmap({ data, channels, height, width }: CaptionedImage): PNG {
  const png = new PNG({ width, height });
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < 3; c++) png.data[4 * pixel + c] = data[pixel * channels + Math.min(c, channels - 1)]!;
    png.data[4 * pixel + 3] = 255;
  }
  return png;
}
