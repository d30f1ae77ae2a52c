import { UserError } from '../../util/errors.js';

/** What the parser does with a column. */
export type ColumnKind = 'emotion' | 'pixels' | 'Usage' | 'ignored';

const NEEDED: readonly ColumnKind[] = ['emotion', 'pixels', 'Usage'];

/**
 * The columns of a header line. Names are compared without surrounding spaces, quotes and case: `icml_face_data.csv`
 * writes `emotion, Usage, pixels`. Other columns are allowed and ignored.
 *
 * @throws {UserError} naming the columns that are missing or stand there twice, and what was found
 */
export function parseHeader(file: string, line: string): ColumnKind[] {
  const fail = (reason: string): never => {
    throw new UserError(`${file}, line 1: ${reason}`);
  };
  if (line.includes('\0')) fail('not text; a FER-2013 CSV file (gzipped or not, in UTF-8) is expected');
  const names = line.split(',').map(name =>
    name
      .trim()
      .replace(/^"(.*)"$/, '$1')
      .trim(),
  );
  const kinds = names.map(name => NEEDED.find(kind => kind.toLowerCase() === name.toLowerCase()) ?? 'ignored');

  const found = `found: ${shorten(names.map(name => JSON.stringify(name)).join(', '))}`;
  const missing = NEEDED.filter(kind => !kinds.includes(kind));
  if (missing.length > 0) {
    fail(`the header lacks the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')}; ${found}`);
  }
  const twice = NEEDED.find(kind => kinds.indexOf(kind) !== kinds.lastIndexOf(kind));
  if (twice !== undefined) fail(`the header has the column ${twice} twice; ${found}`);
  return kinds;
}

function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 160)}…`;
}
