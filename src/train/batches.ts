import type { Device } from '../gpu/device.js';
import { gatherBatch, type DataSet, type Split } from '../data/dataset.js';
import { normaliseImages } from '../kernels/index.js';
import { Tensor } from '../tensor/index.js';

export interface Normalisation {
  /** Per channel, on pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Cuts a split into batches and puts them on the GPU. */
export class Batches {
  readonly #images: Uint8Array;
  readonly #labels: Uint32Array;

  constructor(
    private readonly device: Device,
    private readonly data: Pick<DataSet, 'channels' | 'height' | 'width'>,
    private readonly split: Split,
    private readonly batchSize: number,
    private readonly normalisation: Normalisation,
  ) {
    const { channels, height, width } = data;
    this.#images = new Uint8Array(batchSize * channels * height * width);
    this.#labels = new Uint32Array(batchSize);
  }

  /** Batches that hold all images; the last may be smaller. */
  get count(): number {
    return Math.ceil(this.split.count / this.batchSize);
  }

  /**
   * Batch `index` of the images in `order`: x (N,C,H,W) and labels (N), made in the scope that is open.
   */
  load(order: Uint32Array, index: number): { x: Tensor; labels: Tensor; size: number } {
    const start = index * this.batchSize;
    const end = Math.min(start + this.batchSize, order.length);
    const size = end - start;
    const { channels, height, width } = this.data;
    const imageBytes = channels * height * width;
    gatherBatch(this.split, order, start, end, imageBytes, this.#images, this.#labels);
    const bytes = this.#images.subarray(0, size * imageBytes);
    const { mean, std } = this.normalisation;
    return {
      x: normaliseImages(bytes, [size, channels, height, width], mean, std, this.device),
      labels: Tensor.from(this.#labels.subarray(0, size), [size], { dtype: 'u32', device: this.device }),
      size,
    };
  }
}

/** 0..count-1. */
export function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}
