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

/**
 * A contact sheet as a PNG file: for each class, in the order of ids and beginning on a row of its own, images drawn at
 * random.
 *
 * @throws {UserError} when the split is empty, or count or columns is not a positive integer
 */
export function writeSheet(dataset: DataSet, split: SplitName, options: SheetOptions): Buffer {
  const { count, columns, seed } = options;
  for (const [name, value] of Object.entries({ count, columns })) {
    if (!Number.isInteger(value) || value < 1)
      throw new UserError(`${name} is ${value}: it must be an integer of 1 or more`);
  }
  const { height, width } = dataset;
  const { labels, count: available } = dataset.splits[split];
  if (available === 0) throw new UserError(`${dataset.name} has no ${split} images to show`);

  const order = [...new RandomStream(seed, DATA_STREAM.sheet).permutation(available)];
  const rows = dataset.classes.flatMap((_, id) => {
    const chosen = order.filter(index => labels[index] === id).slice(0, count);
    return Array.from({ length: Math.ceil(chosen.length / columns) }, (_, row) =>
      chosen.slice(row * columns, (row + 1) * columns),
    );
  });

  const sheetColumns = Math.max(...rows.map(row => row.length));
  const sheet = new PNG({ width: GAP + sheetColumns * (width + GAP), height: GAP + rows.length * (height + GAP) });
  sheet.data.fill(BACKGROUND);
  for (let i = 3; i < sheet.data.length; i += 4) sheet.data[i] = 255;
  rows.forEach((row, y) => {
    row.forEach((index, x) => {
      drawImage(sheet, dataset, split, index, GAP + x * (width + GAP), GAP + y * (height + GAP));
    });
  });
  return PNG.sync.write(sheet);
}

function drawImage(sheet: PNG, dataset: DataSet, split: SplitName, index: number, left: number, top: number): void {
  const { channels, height, width } = dataset;
  const image = dataset.splits[split].images.subarray(index * height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      const to = ((top + y) * sheet.width + left + x) * 4;
      for (let c = 0; c < 3; c++) sheet.data[to + c] = image[from + Math.min(c, channels - 1)]!;
    }
  }
}
