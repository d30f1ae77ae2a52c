/** The arithmetic of class activation maps, on the host in float64: one image's activations and their gradient to a map. */

export const CAM_METHODS = ['grad-cam', 'grad-cam++'] as const;
export type CamMethod = (typeof CAM_METHODS)[number];

/**
 * The map of one image, (h,w), not negative, of no certain scale: ReLU(Σ_c w_c·A_c).
 *
 * - grad-cam: w_c is the mean of the gradient over the map (Selvaraju et al. 2017, eq. 1 and 2).
 * - grad-cam++: w_c = Σ_ij α_ij·ReLU(g_ij) with α = g²/(2g² + ΣA·g³) (Chattopadhay et al. 2018, eq. 19 and 10), of the class
 *   score's exponential, whose higher derivatives are powers of g.
 *
 * @param activations (C,h,w)
 * @param gradient (C,h,w), of the class's logit
 */
export function activationMap(
  method: CamMethod,
  activations: Float32Array,
  gradient: Float32Array,
  channels: number,
): Float64Array {
  const pixels = activations.length / channels;
  const map = new Float64Array(pixels);
  for (let c = 0; c < channels; c++) {
    const a = activations.subarray(c * pixels, (c + 1) * pixels);
    const g = gradient.subarray(c * pixels, (c + 1) * pixels);
    const weight = method === 'grad-cam' ? mean(g) : plusPlusWeight(a, g);
    for (let i = 0; i < pixels; i++) map[i]! += weight * a[i]!;
  }
  return map.map(value => Math.max(0, value));
}

function mean(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function plusPlusWeight(activations: Float32Array, gradient: Float32Array): number {
  const total = activations.reduce((sum, value) => sum + value, 0);
  return gradient.reduce((weight, g) => {
    const below = 2 * g * g + total * g ** 3;
    // Where the gradient vanishes so does what it counts for; the quotient would be 0/0.
    return g > 0 && below !== 0 ? weight + ((g * g) / below) * g : weight;
  }, 0);
}

/** A map divided by its largest value; one that is 0 everywhere, of a class for which nothing speaks, stays so. */
export function normaliseMap(map: Float64Array): Float64Array {
  const largest = map.reduce((a, b) => Math.max(a, b), 0);
  return largest > 0 ? map.map(value => value / largest) : map;
}

/**
 * A map in another size, bilinear with pixel centres at half integers (align_corners false), edges continued.
 * @param map (h,w)
 */
export function resizeMap(
  map: ArrayLike<number>,
  [fromHeight, fromWidth]: readonly [height: number, width: number],
  [height, width]: readonly [height: number, width: number],
): Float64Array {
  const out = new Float64Array(height * width);
  const along = (i: number, from: number, to: number) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), share: at - low };
  };
  for (let y = 0; y < height; y++) {
    const v = along(y, fromHeight, height);
    for (let x = 0; x < width; x++) {
      const u = along(x, fromWidth, width);
      const row = (r: number) => map[r * fromWidth + u.low]! * (1 - u.share) + map[r * fromWidth + u.high]! * u.share;
      out[y * width + x] = row(v.low) * (1 - v.share) + row(v.high) * v.share;
    }
  }
  return out;
}

/** A rectangle of pixels; the right and lower edges are not part of it. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The middle of a picture, three quarters of its height and width: where aligned data sets keep the face itself. */
export function centralBox(height: number, width: number): Box {
  return { left: width / 8, top: height / 8, right: (width * 7) / 8, bottom: (height * 7) / 8 };
}

/**
 * The share of a map's sum that lies in any of the boxes, by the centres of pixels; 0 where the map is 0 everywhere.
 * @param map (height,width)
 */
export function heatShare(map: ArrayLike<number>, width: number, boxes: readonly Box[]): number {
  let inside = 0;
  let all = 0;
  for (let i = 0; i < map.length; i++) {
    const x = (i % width) + 0.5;
    const y = Math.floor(i / width) + 0.5;
    all += map[i]!;
    if (boxes.some(({ left, top, right, bottom }) => x >= left && x < right && y >= top && y < bottom))
      inside += map[i]!;
  }
  return all > 0 ? inside / all : 0;
}
