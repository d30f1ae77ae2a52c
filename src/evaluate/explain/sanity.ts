import type { Explanations } from './explain.js';

/** How far maps follow the weights (Adebayo et al. 2018, "Sanity checks for saliency maps"). */
export interface SanityCheck {
  /** Spearman's rank correlation of each image's map with the one of random weights, its mean. 1: the weights do not matter. */
  readonly correlation: number;
  /** Mean absolute difference of the maps, whose pixels lie in 0..1. */
  readonly difference: number;
  /** Images that both have a map of. */
  readonly compared: number;
  /** Whether the maps depend on the weights: the correlation is below 0.7, over one image or more. */
  readonly passed: boolean;
}

/** Above this, maps of trained and random weights are of one kind: they show the image, not what was learnt. */
const TOO_ALIKE = 0.7;

/** Compares maps of trained weights with those of random ones, of the same images and classes. */
export function compareMaps(trained: Explanations, random: Explanations): SanityCheck {
  const size = trained.height * trained.width;
  if (trained.maps.length !== random.maps.length) {
    throw new RangeError(`${trained.maps.length} and ${random.maps.length} pixels cannot be compared`);
  }
  let correlation = 0;
  let difference = 0;
  // A map of nothing follows nothing: it says neither that weights matter nor that they do not.
  const seen = Array.from({ length: trained.count }, (_, n) => n).filter(n =>
    [trained, random].every(({ maps }) => maps.subarray(n * size, (n + 1) * size).some(value => value > 0)),
  );
  for (const n of seen) {
    const a = trained.maps.subarray(n * size, (n + 1) * size);
    const b = random.maps.subarray(n * size, (n + 1) * size);
    correlation += spearman(a, b) / seen.length;
    difference += a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / (size * seen.length);
  }
  return { correlation, difference, compared: seen.length, passed: seen.length > 0 && correlation < TOO_ALIKE };
}

/** Spearman's rank correlation; equal values share their mean rank. 0 where one of the two is the same everywhere. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) result[order[k]!] = (start + end - 1) / 2;
    start = end;
  }
  return result;
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const product = (x: Float64Array, mx: number, y: Float64Array, my: number) =>
    x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
  const spread = Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
  return spread > 0 ? product(a, ma, b, mb) / spread : 0;
}
