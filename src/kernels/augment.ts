import type { Device } from '../gpu/device.js';
import { Tensor } from '../tensor/index.js';
import { packSamples, type AugmentSample } from './augment_records.js';
import { linearGrid, splitCount, WORKGROUP } from './grid.js';
import { requireShape, ShapeError } from './op.js';

/** Images of a batch: their bytes (N,H,W,C) in whole words, as `packImages` makes them, or values in 0..1 (N,C,H,W). */
export interface AugmentSource {
  /** dtype u32: bytes; f32: values. */
  readonly data: Tensor;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Per channel, on pixels in 0..1. */
export interface AugmentNormalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Sizes of augmented images in pixels, and what their records hold. */
export interface AugmentOptions {
  /** Of the output; by default the source's. */
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** Stages of each sample; by default those of the first. */
  readonly stages?: number | undefined;
  /** Boxes of a sample at most; by default as many as one has. */
  readonly boxes?: number | undefined;
  /** Whether samples may have a contrast; it takes a second look at each pixel. By default, if one has it. */
  readonly contrast?: boolean | undefined;
  /** What the values are normalised with, and what the boxes' `mean` and `random` mean. */
  readonly normalisation: AugmentNormalisation;
  /** False: the result stays in 0..1, for a further pass. */
  readonly normalise?: boolean | undefined;
}

/** Puts image bytes (N,H,W,C) on the GPU. */
export function packImages(
  bytes: Uint8Array,
  { channels, height, width }: Omit<AugmentSource, 'data'>,
  device: Device,
): AugmentSource {
  if (bytes.length % (channels * height * width) !== 0) {
    throw new ShapeError(`augment: ${bytes.length} bytes are no whole number of ${width}x${height} images`);
  }
  const data = Tensor.empty([Math.ceil(bytes.length / 4)], { device, dtype: 'u32' });
  device.write(data.slice, bytes);
  return { data, channels, height, width };
}

/**
 * One pass of shaders/augment.wgsl: every sample is an image of the source, moved, lit, soiled and normalised as its record
 * says, in this order. Gives (samples,C,height,width). Images of 1 or 3 channels; no gradient.
 */
export function augmentImages(
  source: AugmentSource,
  samples: readonly AugmentSample[],
  options: AugmentOptions,
): Tensor {
  requireChannels(source, options.normalisation);
  const { data, channels, height, width } = source;
  const { height: outHeight = height, width: outWidth = width, normalise = true } = options;
  const stages = options.stages ?? samples[0]?.stages.length ?? 0;
  const boxes = options.boxes ?? samples.reduce((most, sample) => Math.max(most, sample.boxes.length), 0);
  const contrast = options.contrast ?? samples.some(sample => sample.contrast !== undefined);
  if (stages === 0 && (outHeight !== height || outWidth !== width)) {
    throw new ShapeError('augment: without a stage the output has the size of the source');
  }
  const { device } = data;
  const packed = packSamples(samples, stages, boxes);
  const records = Tensor.empty([packed.length], { device, dtype: 'u32' });
  device.write(records.slice, packed);
  const y = Tensor.empty([samples.length, channels, outHeight, outWidth], { device });
  device.dispatch({
    shader: 'augment',
    entry: 'augment_images',
    constants: {
      ...{ CHANNELS: channels, BYTES: data.dtype === 'u32', STAGES: stages },
      ...{ CONTRAST: contrast, NORMALISE: normalise },
    },
    bindings: { source: data.slice, records: records.slice, y: y.slice },
    params: {
      ...{ samples: samples.length, boxes, height, width, out_height: outHeight, out_width: outWidth },
      ...normalisationParams(options.normalisation),
    },
    grid: imageGrid(device, samples.length, contrast ? 0 : outHeight * outWidth),
  });
  records.dispose();
  return y;
}

/** Normalised weights of a Gaussian of standard deviation `sigma` at `size` places about its middle. */
export function gaussianKernel(size: number, sigma: number): number[] {
  const half = (size - 1) / 2;
  const weights = Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - half) / sigma) ** 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map(weight => weight / sum);
}

/**
 * Gaussian blur as torchvision's, kernel (vertical, horizontal), odd and shorter than twice the image; each sample with the
 * sigma of its own, or undefined for none.
 */
export function gaussianBlur(
  source: AugmentSource,
  sigmas: readonly (number | undefined)[],
  kernel: readonly [number, number],
  options: Pick<AugmentOptions, 'normalisation' | 'normalise'>,
): Tensor {
  requireChannels(source, options.normalisation);
  const { channels, height, width } = source;
  const { device } = source.data;
  const samples = sigmas.length;
  const along = (from: Tensor, size: number, vertical: boolean): Tensor => {
    const extent = vertical ? height : width;
    if (size % 2 !== 1 || size > 2 * extent - 1) {
      throw new ShapeError(
        `gaussian blur: a kernel is odd and at most ${2 * extent - 1} for ${width}x${height} images, not ${size}`,
      );
    }
    const table = new Float32Array(samples * size);
    sigmas.forEach((sigma, i) => {
      if (sigma === undefined) table[i * size + (size - 1) / 2] = 1;
      else table.set(gaussianKernel(size, sigma), i * size);
    });
    const weights = Tensor.from(table, [samples, size], { device });
    const y = Tensor.empty([samples, channels, height, width], { device });
    device.dispatch({
      shader: 'augment_blur',
      entry: 'augment_blur',
      constants: {
        ...{ CHANNELS: channels, KERNEL: size, VERTICAL: vertical, BYTES: from.dtype === 'u32' },
        ...{ NORMALISE: vertical && (options.normalise ?? true) },
      },
      bindings: { source: from.slice, weights: weights.slice, y: y.slice },
      params: { samples, height, width, ...normalisationParams(options.normalisation) },
      grid: imageGrid(device, samples, height * width),
    });
    weights.dispose();
    return y;
  };
  const horizontal = along(source.data, kernel[1], false);
  const y = along(horizontal, kernel[0], true);
  horizontal.dispose();
  return y;
}

/** How a sample is mixed with the one before it (the first with the last). */
export interface Mix {
  /** The sample's own share inside the box; outside it is 1. */
  readonly share: number;
  /** x0, y0, x1, y1, ends exclusive. */
  readonly box: readonly [number, number, number, number];
}

/** Mixup and cutmix of x (N,C,H,W). No gradient. */
export function mixImages(x: Tensor, mixes: readonly Mix[]): Tensor {
  requireShape(x.shape.length === 4, 'mix', 'takes images (N,C,H,W)', x);
  requireShape(x.shape[0] === mixes.length, 'mix', `takes as many images as mixes, ${mixes.length}`, x);
  const [samples, channels, height, width] = x.shape as [number, number, number, number];
  const { device } = x;
  const packed = Tensor.from(
    mixes.flatMap(({ share, box }) => [share, 0, 0, 0, ...box]),
    [samples, 8],
    { device },
  );
  const y = Tensor.empty(x.shape, { device });
  device.dispatch({
    shader: 'augment_mix',
    entry: 'augment_mix',
    constants: { CHANNELS: channels },
    bindings: { x: x.slice, mixes: packed.slice, y: y.slice },
    params: { samples, height, width },
    grid: linearGrid(device, samples * height * width),
  });
  packed.dispose();
  return y;
}

/** What is averaged over the views of an image. */
export type ViewAverage = 'softmax' | 'logits';

/**
 * Logits (N·views,K), the views of an image one after the other, to logits (N,K): their mean, or with `softmax` the
 * logarithm of the mean of their softmax. No gradient.
 */
export function averageViews(x: Tensor, views: number, average: ViewAverage): Tensor {
  requireShape(x.shape.length === 2 && x.shape[0]! % views === 0, 'views', `takes logits (N·${views},K)`, x);
  const [rows, k] = x.shape as [number, number];
  const n = rows / views;
  const { device } = x;
  const y = Tensor.empty([n, k], { device });
  device.dispatch({
    shader: 'augment_views',
    entry: 'average_views',
    constants: { SOFTMAX: average === 'softmax' },
    bindings: { x: x.slice, y: y.slice },
    params: { n, views, k },
    grid: [Math.ceil(n / WORKGROUP)],
  });
  return y;
}

function requireChannels({ channels }: AugmentSource, { mean, std }: AugmentNormalisation): void {
  if ((channels !== 1 && channels !== 3) || mean.length !== channels || std.length !== channels) {
    throw new ShapeError(
      `augment: images have 1 or 3 channels and as many means and deviations, not ${channels}, ${mean.length}, ${std.length}`,
    );
  }
}

function normalisationParams({ mean, std }: AugmentNormalisation): Record<string, number> {
  const [mean0 = 0, mean1 = 0, mean2 = 0] = mean;
  const [std0 = 1, std1 = 1, std2 = 1] = std;
  return { mean0, mean1, mean2, std0, std1, std2 };
}

/** Workgroups over samples, and over parts of an image of so many pixels; 0 leaves each sample to one workgroup. */
function imageGrid(device: Device, samples: number, pixels: number): [number, number, number] {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  const z = Math.ceil(samples / most);
  return [Math.ceil(samples / z), splitCount(samples, Math.floor(pixels / WORKGROUP), 4), z];
}
