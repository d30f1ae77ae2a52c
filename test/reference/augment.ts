/**
 * Augmentation in float64, image by image and transform by transform, as torchvision defines them; pixels in 0..1. Random
 * parameters are given, not drawn.
 */

/** One image: (H,W,C), channels innermost. */
export interface RefImage {
  height: number;
  width: number;
  channels: number;
  data: Float64Array;
}

export type Outside = 'zero' | 'edge' | 'reflect';
type Place = readonly [x: number, y: number];
type Matrix = readonly (readonly number[])[];

export function imageOf(bytes: Uint8Array, height: number, width: number, channels: number): RefImage {
  return { height, width, channels, data: Float64Array.from(bytes, byte => byte / 255) };
}

function draw(
  image: RefImage,
  height: number,
  width: number,
  pixel: (x: number, y: number, c: number) => number,
): RefImage {
  const { channels } = image;
  const data = Float64Array.from({ length: height * width * channels }, (_, i) => {
    const at = Math.floor(i / channels);
    return pixel(at % width, Math.floor(at / width), i % channels);
  });
  return { height, width, channels, data };
}

function mirrored(i: number, size: number): number {
  if (size === 1) return 0;
  const turn = 2 * (size - 1);
  const place = ((i % turn) + turn) % turn;
  return place < size ? place : turn - place;
}

/** The pixel at whole coordinates, wherever they lie. */
export function pixelAt(image: RefImage, x: number, y: number, c: number, outside: Outside): number {
  const { height, width, channels, data } = image;
  const inside = x >= 0 && y >= 0 && x < width && y < height;
  if (!inside && outside === 'zero') return 0;
  const clamp = (i: number, size: number) => Math.min(Math.max(i, 0), size - 1);
  const [u, v] =
    outside === 'reflect' ? [mirrored(x, width), mirrored(y, height)] : [clamp(x, width), clamp(y, height)];
  return data[(v * width + u) * channels + c]!;
}

function bilinear(image: RefImage, [x, y]: Place, c: number, outside: Outside): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let sum = 0;
  for (const [dy, ofRow] of [
    [0, 1 - (y - top)],
    [1, y - top],
  ] as const) {
    for (const [dx, ofColumn] of [
      [0, 1 - (x - left)],
      [1, x - left],
    ] as const) {
      // A pixel without weight is not read.
      if (ofRow * ofColumn !== 0) sum += ofRow * ofColumn * pixelAt(image, left + dx, top + dy, c, outside);
    }
  }
  return sum;
}

/** Every output pixel from the place that `source` gives for it. */
export function warp(
  image: RefImage,
  source: (place: Place) => Place,
  outside: Outside,
  height = image.height,
  width = image.width,
): RefImage {
  return draw(image, height, width, (x, y, c) => bilinear(image, source([x, y]), c, outside));
}

function times(a: Matrix, b: Matrix): Matrix {
  return a.map(row => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
}

function inverse(m: Matrix): Matrix {
  const [[a, b, c], [d, e, f]] = m as [number[], number[]] as [[number, number, number], [number, number, number]];
  const det = a * e - b * d;
  return [
    [e / det, -b / det, (b * f - c * e) / det],
    [-d / det, a / det, (c * d - a * f) / det],
  ];
}

/**
 * torchvision.transforms.functional.affine: forward T·C·R(angle)·S(scale)·SHy·SHx·C⁻¹ about the middle of the image, with
 * SHx = [1 −tan; 0 1] and SHy = [1 0; −tan 1], inverted.
 */
export function affine(
  image: RefImage,
  { degrees, translate, scale, shear }: { degrees: number; translate: Place; scale: number; shear: Place },
  outside: Outside,
): RefImage {
  const radians = (value: number) => (value * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))];
  const [cx, cy] = [(image.width - 1) / 2, (image.height - 1) / 2];
  const shift = (x: number, y: number): Matrix => [[1, 0, x], [0, 1, y], [0, 0, 1]]; // prettier-ignore
  const forward = [
    shift(translate[0], translate[1]),
    shift(cx, cy),
    [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], // prettier-ignore
    [[scale, 0, 0], [0, scale, 0], [0, 0, 1]], // prettier-ignore
    [[1, 0, 0], [-Math.tan(radians(shear[1])), 1, 0], [0, 0, 1]], // prettier-ignore
    [[1, -Math.tan(radians(shear[0])), 0], [0, 1, 0], [0, 0, 1]], // prettier-ignore
    shift(-cx, -cy),
  ].reduce(times);
  const [u, v] = inverse(forward) as [[number, number, number], [number, number, number]];
  return warp(image, ([x, y]) => [u[0] * x + u[1] * y + u[2], v[0] * x + v[1] * y + v[2]], outside);
}

export function flip(image: RefImage): RefImage {
  return draw(image, image.height, image.width, (x, y, c) => pixelAt(image, image.width - 1 - x, y, c, 'zero'));
}

/** Pixels from (left, top) on; what lies outside of the image is padding. */
export function crop(
  image: RefImage,
  left: number,
  top: number,
  height: number,
  width: number,
  outside: Outside,
): RefImage {
  return draw(image, height, width, (x, y, c) => pixelAt(image, left + x, top + y, c, outside));
}

/** torch.nn.functional.interpolate(mode='bilinear', align_corners=False). */
export function resize(image: RefImage, height: number, width: number): RefImage {
  const place = (o: number, size: number, outputs: number) =>
    Math.min(Math.max(((o + 0.5) * size) / outputs - 0.5, 0), size - 1);
  return warp(image, ([x, y]) => [place(x, image.width, width), place(y, image.height, height)], 'edge', height, width);
}

const clamped = (value: number) => Math.min(Math.max(value, 0), 1);

export function brightness(image: RefImage, factor: number): RefImage {
  return { ...image, data: image.data.map(value => clamped(factor * value)) };
}

/** Blends with the mean of the grey image. */
export function contrast(image: RefImage, factor: number): RefImage {
  const { channels, data } = image;
  const luma = channels === 1 ? [1] : [0.2989, 0.587, 0.114];
  const mean = data.reduce((sum, value, i) => sum + luma[i % channels]! * value, 0) / (data.length / channels);
  return { ...image, data: data.map(value => clamped(factor * value + (1 - factor) * mean)) };
}

/** A two-dimensional sum over a kernel of `height` x `width`, mirrored outside. */
export function gaussianBlur(image: RefImage, height: number, width: number, sigma: number): RefImage {
  const weights = (size: number) => {
    const raw = Array.from({ length: size }, (_, i) => Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma * sigma)));
    const sum = raw.reduce((a, b) => a + b, 0);
    return raw.map(value => value / sum);
  };
  const [rows, columns] = [weights(height), weights(width)];
  return draw(image, image.height, image.width, (x, y, c) => {
    let sum = 0;
    rows.forEach((ofRow, i) => {
      columns.forEach((ofColumn, j) => {
        const at = [x + j - (width - 1) / 2, y + i - (height - 1) / 2] as const;
        sum += ofRow * ofColumn * pixelAt(image, at[0], at[1], c, 'reflect');
      });
    });
    return sum;
  });
}

/** `normal` gives the number of a pixel and channel. */
export function noise(
  image: RefImage,
  { mean, sigma, clip }: { mean: number; sigma: number; clip: boolean },
  normal: (pixel: number, c: number) => number,
): RefImage {
  const { channels } = image;
  const data = image.data.map((value, i) => {
    const noisy = value + mean + sigma * normal(Math.floor(i / channels), i % channels);
    return clip ? clamped(noisy) : noisy;
  });
  return { ...image, data };
}

export function paint(
  image: RefImage,
  { x0, y0, x1, y1 }: { x0: number; y0: number; x1: number; y1: number },
  value: (pixel: number, c: number) => number,
): RefImage {
  return draw(image, image.height, image.width, (x, y, c) => {
    const inside = x >= x0 && x < x1 && y >= y0 && y < y1;
    return inside ? value(y * image.width + x, c) : pixelAt(image, x, y, c, 'zero');
  });
}

export function normalise(image: RefImage, mean: readonly number[], std: readonly number[]): RefImage {
  const { channels } = image;
  return { ...image, data: image.data.map((value, i) => (value - mean[i % channels]!) / std[i % channels]!) };
}
