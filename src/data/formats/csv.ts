import { parse, CsvError } from 'csv-parse/sync';
import { UserError } from '../../util/errors.js';

/** One line of a CSV file. */
export interface CsvRow {
  /** From 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * The lines of a CSV text: quoted cells, any line ends and a byte order mark are understood, blank lines left out, spaces around
 * cells dropped.
 *
 * @throws {UserError} with file and line
 */
export function parseCsv(text: string, file: string): CsvRow[] {
  if (text.includes('\0')) throw new UserError(`${file}: not text; a CSV file in UTF-8 is expected`);
  try {
    const rows = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return rows.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    if (error instanceof CsvError) throw new UserError(`${file}: ${error.message}`);
    throw error;
  }
}

/** A CSV file with a header line. */
export class CsvTable {
  readonly #places: ReadonlyMap<string, number>;
  readonly rows: readonly CsvRow[];
  readonly header: readonly string[];

  constructor(
    text: string,
    readonly file: string,
  ) {
    const [head, ...rows] = parseCsv(text, file);
    if (!head) throw new UserError(`${file}: the file is empty`);
    this.header = head.cells;
    this.rows = rows;
    this.#places = new Map(head.cells.map((name, i) => [name.toLowerCase(), i]));
  }

  has(...columns: readonly string[]): boolean {
    return columns.every(name => this.#places.has(name.toLowerCase()));
  }

  /** @throws {UserError} naming the columns that are missing, and those that are there */
  require(...columns: readonly string[]): void {
    const missing = columns.filter(name => !this.has(name));
    if (missing.length === 0) return;
    throw new UserError(
      `${this.file}, line 1: the header lacks the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')}; ` +
        `found: ${this.header.map(name => JSON.stringify(name)).join(', ')}`,
    );
  }

  /** A cell by the name of its column; empty where the line is too short. */
  cell(row: CsvRow, column: string): string {
    return row.cells[this.#places.get(column.toLowerCase())!] ?? '';
  }

  /** @throws {UserError} where the cell is not a number */
  number(row: CsvRow, column: string): number {
    const text = this.cell(row, column);
    const value = text === '' ? NaN : Number(text);
    if (!Number.isFinite(value)) this.fail(row, `${column} is ${JSON.stringify(text)}, which is not a number`);
    return value;
  }

  fail(row: CsvRow, reason: string): never {
    throw new UserError(`${this.file}, line ${row.line}: ${reason}`);
  }
}
