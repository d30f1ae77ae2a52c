import { UserError } from '../../util/errors.js';
import { isPathError } from '../../util/path-errors.js';
import type { LoadOptions } from '../options.js';
import type { ImageStore } from '../store.js';

/** The decoded images of a source. */
export interface Images {
  readonly store: ImageStore;
  /** Follows the number of images in what a load says of itself: ` from the cache`, or why they are not in it. */
  readonly outcome: string;
  /** The slot of each of the plan's files, where it has files. */
  readonly slots?: readonly number[];
}

/**
 * What is said where no pack could be written: that costs the next load its speed, and nothing else.
 *
 * @throws {UserError} where the cache may not be written, Error for other reasons, when there must be a pack
 */
export function notCached(error: unknown, { mustCache = false }: LoadOptions): string {
  const reason = error instanceof Error ? error.message : String(error);
  if (!mustCache) return `; not cached: ${reason}`;
  const text = `the data cannot be kept in the cache: ${reason}`;
  throw isPathError(error) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
}
