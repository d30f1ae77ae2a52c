import { csvLine } from '../../data/csv-line.js';
import type { Prediction, Unread } from './prediction.js';

/** How results are written, one after the other, so that none has to wait for the last. */
export interface RowFormat {
  readonly start: string;
  readonly end: string;
  /** @param first whether nothing was written before but `start` */
  row(result: Result, first: boolean): string;
}

/** What is written of an image. */
export type Result = (Prediction & { readonly gradCam?: string | undefined }) | Unread;

export const ROW_FORMATS = ['text', 'json', 'csv'] as const;
export type RowFormatName = (typeof ROW_FORMATS)[number];

/** Digits of a probability behind the point: float32 knows no more. */
const DIGITS = 6;
/** Classes that a line of text names. */
const NAMED = 3;

/** @param classes in the order of the columns of CSV */
export function rowFormat(name: RowFormatName, classes: readonly string[]): RowFormat {
  switch (name) {
    case 'text':
      return { start: '', end: '', row: textOf };
    case 'json':
      return {
        start: '[',
        end: '\n]\n',
        row: (result, first) => `${first ? '' : ','}\n${JSON.stringify(jsonOf(result))}`,
      };
    case 'csv':
      return {
        start: csvLine(['file', 'face', 'x', 'y', 'width', 'height', 'top', ...classes, 'error']),
        end: '',
        row: result => csvLine(cellsOf(result, classes)),
      };
  }
}

/** A result as programs get it: probabilities rounded, and no overlay. */
export function jsonOf(result: Result): object {
  if ('error' in result) return { file: result.file, error: result.error };
  const { file, face, box, emotions, top, gradCam } = result;
  return {
    file,
    ...(face === undefined ? {} : { face }),
    box,
    emotions: Object.fromEntries(Object.entries(emotions).map(([name, p]) => [name, rounded(p)])),
    top,
    ...(gradCam === undefined ? {} : { gradCam }),
  };
}

function cellsOf(result: Result, classes: readonly string[]): string[] {
  if ('error' in result) return [result.file, '', '', '', '', '', '', ...classes.map(() => ''), result.error];
  const { file, face, box, emotions, top } = result;
  const place = box ? [box.x, box.y, box.width, box.height].map(String) : ['', '', '', ''];
  const answers = classes.map(name => String(rounded(emotions[name]!)));
  return [file, face === undefined ? '' : String(face), ...place, top, ...answers, ''];
}

function textOf(result: Result): string {
  // Standard error tells it.
  if ('error' in result) return '';
  const { file, face, box, emotions } = result;
  const where = box
    ? ` (face at ${box.x},${box.y}, ${box.width}x${box.height})`
    : face === false
      ? ' (no face found)'
      : '';
  const answers = Object.entries(emotions)
    .sort(([, a], [, b]) => b - a)
    .slice(0, NAMED)
    .map(([name, p]) => `${name} ${(100 * p).toFixed(1)} %`);
  return `${file}${where}: ${answers.join(', ')}\n`;
}

function rounded(p: number): number {
  return Number(p.toFixed(DIGITS));
}
