/** Which input values, from `first` on, make an output value, and with which weights. */
interface Taps {
  readonly first: Uint32Array;
  /** (out,width), zero beyond the input. */
  readonly weights: Float32Array;
  readonly width: number;
}

const known = new Map<string, Taps>();

/**
 * The triangle filter, as wide as the scale where images become smaller, so that every pixel counts: Pillow's BILINEAR and
 * torchvision's antialiased resize.
 */
function tapsOf(input: number, output: number): Taps {
  const key = `${input} ${output}`;
  const found = known.get(key);
  if (found) return found;
  const scale = input / output;
  const support = Math.max(1, scale);
  const width = Math.min(input, Math.ceil(2 * support) + 1);
  const first = new Uint32Array(output);
  const weights = new Float32Array(output * width);
  for (let o = 0; o < output; o++) {
    const centre = (o + 0.5) * scale;
    const start = Math.min(Math.max(0, Math.floor(centre - support)), input - width);
    first[o] = start;
    let sum = 0;
    for (let t = 0; t < width; t++) {
      const weight = Math.max(0, 1 - Math.abs(start + t + 0.5 - centre) / support);
      weights[o * width + t] = weight;
      sum += weight;
    }
    for (let t = 0; t < width; t++) weights[o * width + t]! /= sum;
  }
  const taps = { first, weights, width };
  known.set(key, taps);
  return taps;
}

/** Resizes (height,width,channels) bytes to (size,size,channels), columns first; rounded once, at the end. */
export function resizeImage(
  image: Uint8Array,
  { height, width, channels }: { readonly height: number; readonly width: number; readonly channels: number },
  size: number,
): Uint8Array {
  if (height === size && width === size) return image;
  const down = tapsOf(height, size);
  const across = tapsOf(width, size);
  const rowValues = width * channels;
  const out = new Uint8Array(size * size * channels);
  const row = new Float32Array(rowValues);
  for (let y = 0; y < size; y++) {
    row.fill(0);
    for (let t = 0; t < down.width; t++) {
      const weight = down.weights[y * down.width + t]!;
      if (weight === 0) continue;
      const from = (down.first[y]! + t) * rowValues;
      for (let i = 0; i < rowValues; i++) row[i]! += weight * image[from + i]!;
    }
    for (let x = 0; x < size; x++) {
      const to = (y * size + x) * channels;
      const from = across.first[x]! * channels;
      for (let c = 0; c < channels; c++) {
        let value = 0.5;
        for (let t = 0; t < across.width; t++) {
          value += across.weights[x * across.width + t]! * row[from + t * channels + c]!;
        }
        out[to + c] = value;
      }
    }
  }
  return out;
}
