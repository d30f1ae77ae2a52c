import { SPLIT_NAMES, type DataSet, type SplitName } from '../dataset.js';

/** Where an image stands in its data set. */
export interface Place {
  readonly split: SplitName;
  readonly index: number;
  readonly label: number;
}

/** The images of all splits as one row, train first: what an audit compares without caring where they stand. */
export class AllImages {
  readonly count: number;
  /** Bytes of one image. */
  readonly bytes: number;

  constructor(private readonly data: DataSet) {
    this.count = SPLIT_NAMES.reduce((sum, name) => sum + data.splits[name].count, 0);
    this.bytes = data.height * data.width * data.channels;
  }

  placeOf(i: number): Place {
    const { split, index } = this.#find(i);
    return { split, index, label: this.data.splits[split].labels[index]! };
  }

  /** (H,W,C), not copied. */
  pixels(i: number): Uint8Array {
    const { split, index } = this.#find(i);
    return this.data.splits[split].images.subarray(index * this.bytes, (index + 1) * this.bytes);
  }

  /** (H,W) into `out`: ITU-R BT.601 luma where there are three channels or more, the first channel else. */
  grey(i: number, out: Uint8Array): void {
    const { channels } = this.data;
    const pixels = this.pixels(i);
    if (channels < 3) {
      for (let p = 0; p < out.length; p++) out[p] = pixels[p * channels]!;
      return;
    }
    for (let p = 0; p < out.length; p++) {
      const at = p * channels;
      out[p] = Math.round(0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!);
    }
  }

  #find(i: number): { split: SplitName; index: number } {
    let index = i;
    for (const split of SPLIT_NAMES) {
      const { count } = this.data.splits[split];
      if (index < count) return { split, index };
      index -= count;
    }
    throw new RangeError(`image ${i} of ${this.count}`);
  }
}
