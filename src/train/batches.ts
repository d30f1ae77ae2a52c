import type { Device } from '../gpu/device.js';
import { drawTargets, gatherBatch, gatherTargets, type DataSet, type Split } from '../data/dataset.js';
import type { Augmenter } from '../data/augment/augmenter.js';
import { mixLabels, mixTargets, oneHot } from '../data/augment/mix.js';
import { averageViews, normaliseImages } from '../kernels/index.js';
import { Tensor } from '../tensor/index.js';

export interface Normalisation {
  /** Per channel, on pixels scaled to 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** A batch on the GPU, in the scope in which it was loaded. */
export interface Batch {
  /** (N,C,H,W), normalised. N is `size` times the crops that an augmentation makes of each image. */
  readonly x: Tensor;
  /** (N), or (size) in a test, class ids; of mixed images those of the larger share, against which accuracy is counted. */
  readonly labels: Tensor;
  /** What the loss is taken against: `labels`, or probabilities (N,K) where targets are soft or mixed. */
  readonly target: Tensor;
  /** Images. */
  readonly size: number;
}

/** Cuts a split into batches, and puts them on the GPU as an augmenter makes them, or as they are. */
export class Batches {
  readonly #images: Uint8Array;
  readonly #labels: Uint32Array;
  /** Samples with a label of their own that become of one image. */
  readonly #samples: number;

  constructor(
    private readonly device: Device,
    private readonly data: Pick<DataSet, 'channels' | 'height' | 'width' | 'classes'>,
    private readonly split: Split,
    private readonly batchSize: number,
    private readonly normalisation: Normalisation,
    private readonly augmenter?: Augmenter,
    /** Draws a one-hot target from the split's soft ones at every presentation, by this seed. */
    private readonly drawSeed?: number,
  ) {
    const { channels, height, width } = data;
    this.#images = new Uint8Array(batchSize * channels * height * width);
    this.#labels = new Uint32Array(batchSize);
    this.#samples = augmenter === undefined || augmenter.averages ? 1 : augmenter.views;
  }

  /** Batches that hold all images; the last may be smaller. */
  get count(): number {
    return Math.ceil(this.split.count / this.batchSize);
  }

  /** Batch `index` of the images in `order`, as `epoch` draws their augmentation; made in the scope that is open. */
  load(order: Uint32Array, index: number, epoch = 1): Batch {
    const start = index * this.batchSize;
    const end = Math.min(start + this.batchSize, order.length);
    const size = end - start;
    const { channels, height, width, classes } = this.data;
    const imageBytes = channels * height * width;
    gatherBatch(this.split, order, start, end, imageBytes, this.#images, this.#labels);
    const bytes = this.#images.subarray(0, size * imageBytes);
    const { mean, std } = this.normalisation;
    const { x, mixes } = this.augmenter?.apply(bytes, { epoch, position: start }, this.device) ?? {
      x: normaliseImages(bytes, [size, channels, height, width], mean, std, this.device),
      mixes: undefined,
    };
    const samples = size * this.#samples;
    const own = Uint32Array.from({ length: samples }, (_, n) => this.#labels[Math.floor(n / this.#samples)]!);
    const tensorOf = (values: Uint32Array) => Tensor.from(values, [samples], { dtype: 'u32', device: this.device });
    const given = this.#targets(order, start, end, epoch);
    if (!mixes && !given) {
      const labels = tensorOf(own);
      return { x, labels, target: labels, size };
    }
    const targets = given ?? oneHot(own, classes.length);
    const soft = mixes ? mixTargets(targets, classes.length, mixes) : targets;
    const target = Tensor.from(soft, [samples, classes.length], { device: this.device });
    return { x, labels: tensorOf(mixes ? mixLabels(own, mixes) : own), target, size };
  }

  /** Soft targets of the samples, or what is drawn from them, (samples,K); undefined where labels are classes. */
  #targets(order: Uint32Array, start: number, end: number, epoch: number): Float32Array | undefined {
    const { targets } = this.split;
    if (!targets) return undefined;
    const classes = this.data.classes.length;
    const ofImages = new Float32Array((end - start) * classes);
    if (this.drawSeed === undefined) gatherTargets(targets, classes, order, start, end, ofImages);
    else drawTargets(targets, classes, order, start, end, ofImages, this.drawSeed, epoch);
    if (this.#samples === 1) return ofImages;
    const ofSamples = new Float32Array(ofImages.length * this.#samples);
    for (let n = 0; n < ofSamples.length / classes; n++) {
      const image = Math.floor(n / this.#samples) * classes;
      ofSamples.set(ofImages.subarray(image, image + classes), n * classes);
    }
    return ofSamples;
  }

  /** A network's logits for a batch, in a test with those of the views of each image averaged: one row for each label. */
  answers(logits: Tensor): Tensor {
    const { augmenter } = this;
    return augmenter?.averages ? averageViews(logits, augmenter.views, augmenter.average) : logits;
  }
}

/** 0..count-1. */
export function inOrder(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}
