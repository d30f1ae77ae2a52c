import type { ImageStore } from '../store.js';

/** The decoded images of a source. */
export interface Images {
  readonly store: ImageStore;
  /** Follows the number of images in what a load says of itself: ` from the cache`, or why they are not in it. */
  readonly outcome: string;
  /** The slot of each of the plan's files, where it has files. */
  readonly slots?: readonly number[];
}

/** What is said where no pack could be written: that costs the next load its speed, and nothing else. */
export function notCached(error: unknown): string {
  return `; not cached: ${error instanceof Error ? error.message : String(error)}`;
}
