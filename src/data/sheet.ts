import { PNG } from 'pngjs';
import { UserError } from '../util/errors.js';
import { RandomStream } from '../util/random.js';
import type { DataSet, SplitName } from './dataset.js';
import { DATA_STREAM } from './streams.js';

export interface SheetOptions {
  /** Images of each class at most; all it has where it has fewer. */
  count: number;
  /** Images in a row. A class with more goes on in the next row. */
  columns: number;
  /** Which images are shown. */
  seed: number;
}

const GAP = 2;
const BACKGROUND = 32;

/** An image to be drawn: (H,W,C) bytes, grey or colour. */
export interface Picture {
  readonly data: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * A contact sheet as a PNG file: for each class, in the order of ids and beginning on a row of its own, images drawn at
 * random.
 *
 * @throws {UserError} when the split is empty, or count or columns is not a positive integer
 */
export function writeSheet(dataset: DataSet, split: SplitName, options: SheetOptions): Buffer {
  const { columns } = options;
  const rows = chooseImages(dataset, split, options).flatMap(chosen =>
    Array.from({ length: Math.ceil(chosen.length / columns) }, (_, row) =>
      chosen.slice(row * columns, (row + 1) * columns).map(index => pictureOf(dataset, split, index)),
    ),
  );
  return drawSheet(rows);
}

/** Indices of images of each class, drawn at random. Errors as of `writeSheet`. */
export function chooseImages(dataset: DataSet, split: SplitName, options: SheetOptions): number[][] {
  const { count, columns, seed } = options;
  for (const [name, value] of Object.entries({ count, columns })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UserError(`${name} is ${value}: it must be an integer of 1 or more`);
  }
  const { labels, count: available } = dataset.splits[split];
  if (available === 0) throw new UserError(`${dataset.name} has no ${split} images to show`);
  const order = [...new RandomStream(seed, DATA_STREAM.sheet).permutation(available)];
  return dataset.classes.map((_, id) => order.filter(index => labels[index] === id).slice(0, count));
}

export function pictureOf(dataset: DataSet, split: SplitName, index: number): Picture {
  const { channels, height, width } = dataset;
  const size = height * width * channels;
  return { data: dataset.splits[split].images.subarray(index * size, (index + 1) * size), channels, height, width };
}

/** Pictures in rows as a PNG file, each in a cell of the size of the largest. */
export function drawSheet(rows: readonly (readonly Picture[])[]): Buffer {
  const all = rows.flat();
  const cellWidth = Math.max(...all.map(({ width }) => width)) + GAP;
  const cellHeight = Math.max(...all.map(({ height }) => height)) + GAP;
  const columns = Math.max(...rows.map(row => row.length));
  const sheet = new PNG({ width: GAP + columns * cellWidth, height: GAP + rows.length * cellHeight });
  sheet.data.fill(BACKGROUND);
  for (let i = 3; i < sheet.data.length; i += 4) sheet.data[i] = 255;
  rows.forEach((row, y) => {
    row.forEach((picture, x) => {
      drawPicture(sheet, picture, GAP + x * cellWidth, GAP + y * cellHeight);
    });
  });
  return PNG.sync.write(sheet);
}

function drawPicture(sheet: PNG, { data, channels, height, width }: Picture, left: number, top: number): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = ((top + y) * sheet.width + left + x) * 4;
      for (let c = 0; c < 3; c++) sheet.data[to + c] = data[from + Math.min(c, channels - 1)]!;
    }
  }
}
