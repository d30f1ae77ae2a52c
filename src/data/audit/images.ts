import { SPLIT_NAMES, type DataSet, type SplitName } from '../dataset.js';

/** Where an image stands in its data set. */
export interface Place {
  readonly split: SplitName;
  readonly index: number;
  readonly label: number;
}

/**
 * The shorter side of a thumbnail is at least this: FER-2013's images are compared as they are, larger ones no slower.
 */
const THUMBNAIL = 48;

/** The images of all splits as one row, train first: what an audit compares without caring where they stand. */
export class AllImages {
  readonly count: number;
  /** Bytes of one image. */
  readonly bytes: number;
  /**
   * Size of thumbnails, and the side of the blocks of pixels that become one of theirs; what is left at the edges is
   * left out.
   */
  readonly thumbnail: { readonly height: number; readonly width: number; readonly block: number };

  constructor(private readonly data: DataSet) {
    const block = Math.max(1, Math.floor(Math.min(data.height, data.width) / THUMBNAIL));
    const blocks = (length: number) => Math.floor(length / block);
    this.thumbnail = { height: blocks(data.height), width: blocks(data.width), block };
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

  /**
   * A grey thumbnail, (thumbnail.height,thumbnail.width) bytes, into `out`: ITU-R BT.601 luma where there are three
   * channels or more, the first channel else, averaged over blocks.
   */
  drawThumbnail(i: number, out: Uint8Array): void {
    const { channels, width } = this.data;
    const { block } = this.thumbnail;
    const pixels = this.pixels(i);
    const weights = channels < 3 ? [1] : [0.299, 0.587, 0.114];
    for (let p = 0; p < out.length; p++) {
      const top = Math.floor(p / this.thumbnail.width) * block;
      const left = (p % this.thumbnail.width) * block;
      let sum = 0;
      for (let y = top; y < top + block; y++) {
        for (let x = left; x < left + block; x++) {
          const at = (y * width + x) * channels;
          for (let c = 0; c < weights.length; c++) sum += weights[c]! * pixels[at + c]!;
        }
      }
      out[p] = Math.round(sum / block ** 2);
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
