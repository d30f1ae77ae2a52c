import { UserError } from '../../util/errors.js';
import type { Split, SplitName } from '../dataset.js';
import { placeName, readPlace, type Place } from '../tree/place.js';
import { unzipped } from '../tree/unzipped.js';
import { Fer2013Parser } from './parser.js';

const PROGRESS_MILLISECONDS = 100;

/**
 * Reads a FER-2013 CSV file, gzipped or not; its first bytes decide, not its name.
 *
 * @param onProgress called about ten times a second with the fraction of the file that has been read, and its images so far
 * @throws {UserError} with file, line and reason when the file is not what it should be
 */
export async function readFer2013(
  place: Place,
  onProgress: (fraction: number, images: number) => void,
): Promise<Record<SplitName, Split>> {
  const file = placeName(place);
  const parser = new Fer2013Parser(file);
  let lastReport = performance.now();
  const report = (fraction: number) => {
    if (performance.now() - lastReport <= PROGRESS_MILLISECONDS) return;
    lastReport = performance.now();
    onProgress(fraction, parser.images);
  };
  try {
    for await (const chunk of unzipped(readPlace(place, report))) parser.push(chunk);
  } catch (error) {
    throw isZlibError(error) ? new UserError(describeZlibError(file, parser.line, error)) : error;
  }
  return parser.finish();
}

interface ZlibError extends Error {
  code: string;
}

function isZlibError(error: unknown): error is ZlibError {
  return error instanceof Error && 'code' in error && /^Z_/.test(String(error.code));
}

function describeZlibError(file: string, line: number, error: ZlibError): string {
  const reason =
    error.code === 'Z_BUF_ERROR' ? 'the gzip file ends too early' : `the gzip file is damaged (${error.message})`;
  return `${file}, line ${line} of what could be unpacked: ${reason}; download or copy it again`;
}
