import { UserError } from '../../util/errors.js';
import { columnOf, type Value } from './columns.js';
import type { RunEntry } from './entry.js';

/**
 * Puts runs into an order: `<column>` or `<column>:desc`, several between commas, the first of which counts most. Runs without
 * a value come last either way; those that are alike keep their order.
 * @throws UserError where there is no such column or direction
 */
export function sortRuns(runs: readonly RunEntry[], by: string): RunEntry[] {
  const keys = by.split(',').map(key => {
    const [name = '', direction = 'asc', ...more] = key.trim().split(':');
    if (more.length > 0 || (direction !== 'asc' && direction !== 'desc')) {
      throw new UserError(`--sort ${key}: expected a column, and perhaps :asc or :desc, as in val_accuracy:desc`);
    }
    return { column: columnOf(name), sign: direction === 'desc' ? -1 : 1 };
  });
  return [...runs].sort((a, b) => {
    for (const { column, sign } of keys) {
      const order = compare(column.of(a), column.of(b), sign);
      if (order !== 0) return order;
    }
    return 0;
  });
}

function compare(a: Value, b: Value, sign: number): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * String(a).localeCompare(String(b), 'en', { numeric: true });
}
