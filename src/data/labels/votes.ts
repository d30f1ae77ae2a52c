import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../../util/errors.js';
import { CsvTable, type CsvRow } from '../formats/csv.js';
import { parseVotes } from '../formats/ferplus.js';
import { titleOf, type DataSet, type SplitName } from '../dataset.js';
import { FERPLUS_VOTES } from './ferplus.js';

/** FER+'s ten votes (`FERPLUS_VOTES`) on each image of a split; undefined where there are none. */
export type SplitVotes = readonly (readonly number[] | undefined)[];

/**
 * Reads FER+'s votes (`fer2013new.csv`) on the images of a split, whatever labels they bear. An image of FER-2013's CSV file
 * belongs to the line of the same number, one of a folder to the line with its file name.
 *
 * @throws {UserError} where the file is not FER+'s, or has no votes on these images
 */
export async function readVotes(file: string, data: DataSet, split: SplitName): Promise<SplitVotes> {
  const table = new CsvTable(await readText(file), file);
  table.require('Image name', ...FERPLUS_VOTES);
  const byLine = new Map<string, CsvRow>();
  const byName = new Map<string, CsvRow>();
  for (const row of table.rows) {
    byLine.set(`line ${row.line}`, row);
    const name = table.cell(row, 'Image name');
    if (name !== '') byName.set(name, row);
  }
  const names = data.splits[split].names ?? [];
  const rows = names.map(name => byLine.get(name) ?? byName.get(basename(name)));
  if (rows.every(row => row === undefined)) {
    throw new UserError(
      `${file} has no votes on the ${split} images of ${titleOf(data)}: it goes with FER-2013's CSV file, or with the ` +
        'images of FER+',
    );
  }
  const beyond = names.find((name, i) => rows[i] === undefined && name.startsWith('line '));
  if (beyond !== undefined) {
    throw new UserError(
      `${file} has no votes on ${beyond} of ${data.name}: its ${table.rows.length} rows belong to another file of images`,
    );
  }
  return rows.map(row => {
    if (row === undefined) return undefined;
    const votes = FERPLUS_VOTES.map(name => table.cell(row, name));
    return parseVotes(votes, row, file);
  });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UserError(`${file}: no such file; fer2013new.csv is expected`);
    throw new UserError(`${file}: the votes cannot be read: ${message}`);
  }
}
