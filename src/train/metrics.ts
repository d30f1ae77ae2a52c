import { UserError } from '../util/errors.js';
import type { EpochRow } from './types.js';

/** Columns of metrics.csv, in order. */
export const metricColumns: readonly (readonly [name: string, key: keyof EpochRow])[] = [
  ['epoch', 'epoch'],
  ['lr', 'lr'],
  ['train_loss', 'trainLoss'],
  ['train_accuracy', 'trainAccuracy'],
  ['val_loss', 'valLoss'],
  ['val_accuracy', 'valAccuracy'],
  ['seconds', 'seconds'],
  ['images_per_second', 'imagesPerSecond'],
];
const header = metricColumns.map(([name]) => name).join(',');

/** The text of metrics.csv. */
export function encodeMetrics(rows: readonly EpochRow[]): string {
  const lines = rows.map(row => metricColumns.map(([, key]) => row[key]).join(','));
  return [header, ...lines, ''].join('\n');
}

/**
 * The rows in the text of metrics.csv, to the last bit; `file` names it in messages.
 * @throws UserError with file and line where it is not what `encodeMetrics` gives
 */
export function decodeMetrics(text: string, file: string): EpochRow[] {
  const [first, ...lines] = text.split(/\r?\n/);
  if (first !== header) throw new UserError(`${file}, line 1: expected "${header}"`);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, i) => parseRow(line, i + 1, `${file}, line ${i + 2}`));
}

function parseRow(line: string, epoch: number, place: string): EpochRow {
  const cells = line.split(',').map(cell => (cell.trim() === '' ? NaN : Number(cell)));
  const bad = cells.findIndex(Number.isNaN);
  if (cells.length !== metricColumns.length) {
    throw new UserError(`${place}: ${cells.length} values, expected ${metricColumns.length}`);
  }
  if (bad >= 0) throw new UserError(`${place}: ${metricColumns[bad]![0]} is not a number`);
  if (cells[0] !== epoch) throw new UserError(`${place}: epoch ${cells[0]!}, expected ${epoch}`);
  return Object.fromEntries(metricColumns.map(([, key], i) => [key, cells[i]])) as unknown as EpochRow;
}
