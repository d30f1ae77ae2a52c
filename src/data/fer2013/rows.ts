import type { Split } from '../dataset.js';
import { FER2013_SIZE } from './layout.js';

const IMAGE_BYTES = FER2013_SIZE * FER2013_SIZE;
/** 0.3 MB a block: nothing for a small file, and a few hundred blocks for the whole set. */
const BLOCK_IMAGES = 128;

/** A split while its number of rows is still unknown: blocks, so that growing never copies what is already there. */
export class GrowingSplit {
  readonly #blocks: Uint8Array[] = [];
  readonly #labels: number[] = [];
  readonly #names: string[] = [];

  /** Copies `image`, one (H,W,1) image, which stands in `line` of the file. */
  push(label: number, image: Uint8Array, line: number): void {
    const place = this.#labels.length % BLOCK_IMAGES;
    if (place === 0) this.#blocks.push(new Uint8Array(BLOCK_IMAGES * IMAGE_BYTES));
    this.#blocks.at(-1)!.set(image, place * IMAGE_BYTES);
    this.#labels.push(label);
    this.#names.push(`line ${line}`);
  }

  /** The rows as one split in buffers of its own. Empties this object block by block, to keep the peak of memory low. */
  take(): Split {
    const labels = Uint8Array.from(this.#labels);
    const images = new Uint8Array(labels.length * IMAGE_BYTES);
    for (let offset = 0; offset < images.length; offset += BLOCK_IMAGES * IMAGE_BYTES) {
      images.set(this.#blocks.shift()!.subarray(0, images.length - offset), offset);
    }
    this.#labels.length = 0;
    return { count: labels.length, images, labels, names: this.#names };
  }
}
