import type { FileTree } from '../tree/tree.js';
import type { DecodeForm } from './worker.js';
import { readImageHeader, UnusableImage, type ImageHeader } from './image.js';

/** Images whose headers are looked at. */
const LOOKED_AT = 16;
/** Up to this many pixels, on average, images are resized here rather than by libvips (decodeImage). */
const SMALL_PIXELS = 160 * 160;
/** Side of packed images where nobody says how large they are to be. */
export const DEFAULT_SIZE = 224;

/**
 * How the images of a tree are packed, from what some of them are: no larger than the largest of them, because enlarging is
 * left to the GPU and would only fill memory, and in one channel where they are all grey. `wanted` says what the user asks
 * for.
 */
export async function chooseForm(
  tree: FileTree,
  names: readonly string[],
  wanted: {
    readonly size?: number | undefined;
    readonly channels?: 1 | 3 | undefined;
    readonly equalize?: true | undefined;
  },
): Promise<DecodeForm> {
  const step = Math.max(1, Math.floor(names.length / LOOKED_AT));
  const some = names.filter((_, i) => i % step === 0).slice(0, LOOKED_AT);
  const headers: ImageHeader[] = [];
  for await (const { name, bytes } of existing(tree, some)) {
    try {
      headers.push(await readImageHeader(bytes));
    } catch (error) {
      // Decoding lists it.
      if (!(error instanceof UnusableImage)) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
  const largest = Math.max(...headers.flatMap(({ width, height }) => [width, height]), 1);
  const most = wanted.size ?? DEFAULT_SIZE;
  const pixels = headers.reduce((sum, { width, height }) => sum + width * height, 0) / headers.length;
  return {
    size: headers.length > 0 ? Math.min(most, largest) : most,
    small: pixels <= SMALL_PIXELS,
    channels: wanted.channels ?? (headers.length > 0 && headers.every(({ grey }) => grey) ? 1 : 3),
    equalize: wanted.equalize ?? false,
  };
}

/** What of `names` can be read; a file that is gone is found out when all are decoded. */
async function* existing(tree: FileTree, names: readonly string[]) {
  if (names.length > 0 && tree.location(names[0]!) === undefined) {
    yield* tree.contents(names);
    return;
  }
  for (const name of names) {
    try {
      for await (const content of tree.contents([name])) yield content;
    } catch {
      // As above.
    }
  }
}
