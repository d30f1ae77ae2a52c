import type { Device } from '../gpu/device.js';
import { OutOfGpuMemoryError } from '../gpu/errors.js';

/** Of the memory that a device can have: drivers need some for themselves. */
const USABLE = 0.9;
/** Batches are advised in multiples of so many images, where there are as many. */
const ROUND = 8;

/**
 * The largest batch, of `least` to fewer than `below` images, that fits where more, by an error, did not; 0 where none
 * does. `work` does with a batch of the given size what takes memory; it is rehearsed, and nothing runs.
 */
export async function fittingBatch(
  device: Device,
  { lack }: OutOfGpuMemoryError,
  { least = 1, below }: { least?: number; below: number },
  work: (batchSize: number) => void,
): Promise<number> {
  const budget = lack === undefined ? Infinity : USABLE * (await device.bytesToHave(lack));
  const fits = (size: number): boolean => {
    try {
      const taken = device.bytesTakenBy(() => {
        work(size);
      });
      return device.pool.liveBytes + taken <= budget;
    } catch (error) {
      if (error instanceof OutOfGpuMemoryError) return false;
      throw error;
    }
  };
  let [good, bad] = [least - 1, below];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(middle)) good = middle;
    else bad = middle;
  }
  if (good < least) return 0;
  if (good < 2 * ROUND) return good;
  // Last batches of an epoch, which hold what is left, may take more with a smaller batch.
  let size = good - (good % ROUND);
  while (size >= ROUND && !fits(size)) size -= ROUND;
  return size >= ROUND ? size : good;
}

/** What to do where batches of `fitting` images would fit, in words for the command line. */
export function adviceOf(fitting: number): string {
  return fitting > 0
    ? `batches of ${fitting} image${fitting === 1 ? '' : 's'} would fit: --batch-size ${fitting}`
    : 'no batch, however small, would fit: take a smaller --input-size, or another network';
}

/** A size, up to `fitting`, of which several batches make the `images` of a step, where there is one worth having. */
export function accumulation(images: number, fitting: number): { batchSize: number; accumulate: number } | undefined {
  if (fitting === 0) return undefined;
  const least = Math.ceil(images / fitting);
  for (let accumulate = least; accumulate <= 2 * least; accumulate++) {
    if (images % accumulate === 0) return { batchSize: images / accumulate, accumulate };
  }
  return undefined;
}
