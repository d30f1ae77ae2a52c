import type { Box } from '../../kernels/index.js';
import { RandomStream } from '../../util/random.js';
import { DATA_STREAM } from '../streams.js';
import type { TransformOptions } from './transforms.js';

/**
 * What transforms draw. Every draw is a function of (seed, epoch, position in the epoch's order, entry, view), so that it
 * depends neither on the size of batches nor on what was drawn before, and a resumed run draws what the other would have.
 */

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Where in a run a sample is presented. */
export interface Presentation {
  readonly seed: number;
  /** From 1; below 2^24. */
  readonly epoch: number;
  /** Place in the epoch's order. */
  readonly position: number;
}

const VIEWS = 16;
const BLOCKS = 1024;

/** The numbers of one entry of a spec for one sample; `view` is one of several crops that are drawn for separately. */
export function drawsOf({ seed, epoch, position }: Presentation, entry: number, view = 0): RandomStream {
  const stream = ((epoch << 8) | DATA_STREAM.augment) >>> 0;
  return new RandomStream(seed, stream, position, (entry * VIEWS + view) * BLOCKS);
}

/** Uniform in [low, high). */
export function between(random: RandomStream, [low, high]: readonly [number, number]): number {
  return low + (high - low) * random.uniform();
}

function exponentially(random: RandomStream, [low, high]: readonly [number, number]): number {
  return Math.exp(between(random, [Math.log(low), Math.log(high)]));
}

export interface AffineDraw {
  readonly degrees: number;
  /** Whole pixels to the right and down. */
  readonly translate: readonly [number, number];
  readonly scale: number;
  /** Degrees, along x and y. */
  readonly shear: readonly [number, number];
}

/** As torchvision.transforms.RandomAffine.get_params draws: the shift is rounded to whole pixels. */
export function drawAffine(options: TransformOptions<'affine'>, random: RandomStream, size: Size): AffineDraw {
  const shift = (part: number, side: number) => Math.round(between(random, [-part * side, part * side]));
  const [x0, x1, y0, y1] = options.shear;
  return {
    degrees: between(random, options.degrees),
    translate: [shift(options.translate[0], size.width), shift(options.translate[1], size.height)],
    scale: between(random, options.scale),
    shear: [between(random, [x0, x1]), between(random, [y0, y1])],
  };
}

/** Part of an image, in whole pixels. */
export interface Area extends Size {
  readonly top: number;
  readonly left: number;
}

/**
 * As torchvision.transforms.RandomResizedCrop.get_params draws: ten tries at an area and a ratio of sides, then the largest
 * central crop of an allowed ratio.
 */
export function drawResizedCrop(options: TransformOptions<'resized-crop'>, random: RandomStream, size: Size): Area {
  const { ratio } = options;
  for (let i = 0; i < 10; i++) {
    const area = size.height * size.width * between(random, options.scale);
    const aspect = exponentially(random, ratio);
    const width = Math.round(Math.sqrt(area * aspect));
    const height = Math.round(Math.sqrt(area / aspect));
    if (width > 0 && width <= size.width && height > 0 && height <= size.height) {
      const top = random.integer(size.height - height + 1);
      return { top, left: random.integer(size.width - width + 1), height, width };
    }
  }
  const own = size.width / size.height;
  const width = own > ratio[1] ? Math.max(1, Math.round(size.height * ratio[1])) : size.width;
  const height = own < ratio[0] ? Math.max(1, Math.round(size.width / ratio[0])) : size.height;
  return { top: Math.floor((size.height - height) / 2), left: Math.floor((size.width - width) / 2), height, width };
}

/** Top and left of a crop in an image that was padded on all sides, in coordinates of the unpadded image. */
export function drawCrop(padding: number, crop: Size, random: RandomStream, size: Size): { top: number; left: number } {
  const top = random.integer(size.height + 2 * padding - crop.height + 1) - padding;
  return { top, left: random.integer(size.width + 2 * padding - crop.width + 1) - padding };
}

/** As torchvision.transforms.RandomErasing.get_params draws; no box where ten tries found none that is smaller than the image. */
export function drawErasing(options: TransformOptions<'random-erasing'>, random: RandomStream, size: Size): Box[] {
  for (let i = 0; i < 10; i++) {
    const area = size.height * size.width * between(random, options.scale);
    const aspect = exponentially(random, options.ratio);
    const height = Math.round(Math.sqrt(area * aspect));
    const width = Math.round(Math.sqrt(area / aspect));
    if (height >= size.height || width >= size.width) continue;
    const y0 = random.integer(size.height - height + 1);
    const x0 = random.integer(size.width - width + 1);
    return [{ x0, y0, x1: x0 + width, y1: y0 + height, value: options.value }];
  }
  return [];
}

/** `count` black rectangles inside the image, each side drawn from the range `size`. */
export function drawBlackBlocks(
  options: TransformOptions<'random-black-blocks'>,
  random: RandomStream,
  size: Size,
): Box[] {
  const side = (whole: number) => Math.max(1, Math.round(whole * between(random, options.size)));
  return Array.from({ length: options.count }, () => {
    const height = side(size.height);
    const width = side(size.width);
    const y0 = random.integer(size.height - height + 1);
    const x0 = random.integer(size.width - width + 1);
    return { x0, y0, x1: x0 + width, y1: y0 + height, value: 0 };
  });
}

/** The black rectangle in the middle. */
export function centralBlock(options: TransformOptions<'central-black-block'>, size: Size): Box[] {
  const height = Math.round(options.size * size.height);
  const width = Math.round(options.size * size.width);
  const y0 = Math.floor((size.height - height) / 2);
  const x0 = Math.floor((size.width - width) / 2);
  return [{ x0, y0, x1: x0 + width, y1: y0 + height, value: 0 }];
}

/**
 * From Beta(alpha, alpha): X/(X+Y) of two Gamma(alpha) numbers, whose logarithms are taken because a small alpha gives
 * numbers that no double holds.
 */
export function drawBeta(alpha: number, random: RandomStream): number {
  const x = logGamma(alpha, random);
  return 1 / (1 + Math.exp(logGamma(alpha, random) - x));
}

/**
 * Logarithm of a Gamma(shape) number, by Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS
 * 26(3), 2000; a shape below 1 by Gamma(shape + 1)·U^(1/shape).
 */
function logGamma(shape: number, random: RandomStream): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    const u = 1 - random.uniform();
    if (v > 0 && Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
