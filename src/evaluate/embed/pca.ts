import { RandomStream } from '../../util/random.js';

/** RandomStream's, for the first guess of the subspace. */
const STREAM = 221;
/** Rounds of subspace iteration: the share of the variance that is found settles after a few (Halko et al. 2011). */
const ROUNDS = 8;

/**
 * The first `components` principal components of points, in order of falling variance, each with the sign that makes its
 * largest loading positive, so that the result does not depend on how it was found. By randomised subspace iteration
 * (Halko, Martinsson and Tropp 2011).
 *
 * @param points (count,dimensions)
 * @returns (count,components) scores
 */
export function principalComponents(
  points: ArrayLike<number>,
  count: number,
  dimensions: number,
  components: number,
): Float64Array {
  const k = Math.min(components, dimensions, count);
  const centred = centre(points, count, dimensions);
  const random = new RandomStream(0, STREAM);
  // A few directions more than wanted make the wanted ones exact sooner.
  const width = Math.min(k + 8, dimensions, count);
  let basis = orthonormal(
    Float64Array.from({ length: dimensions * width }, () => random.normal()),
    dimensions,
    width,
  );
  for (let round = 0; round < ROUNDS; round++) {
    const seen = multiply(centred, basis, count, dimensions, width);
    basis = orthonormal(multiplyTransposed(centred, seen, count, dimensions, width), dimensions, width);
  }
  const scores = multiply(centred, basis, count, dimensions, width);
  // Within the subspace the components are the eigenvectors of the scores' small covariance.
  const rotation = eigenvectors(multiplyTransposed(scores, scores, count, width, width), width);
  const loadings = multiply(basis, rotation, dimensions, width, width);
  const rotated = multiply(scores, rotation, count, width, width);
  const out = new Float64Array(count * k);
  for (let c = 0; c < k; c++) {
    let largest = 0;
    for (let d = 0; d < dimensions; d++) {
      const value = loadings[d * width + c]!;
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    const sign = largest < 0 ? -1 : 1;
    for (let n = 0; n < count; n++) out[n * k + c] = sign * rotated[n * width + c]!;
  }
  return out;
}

function centre(points: ArrayLike<number>, count: number, dimensions: number): Float64Array {
  const mean = new Float64Array(dimensions);
  for (let i = 0; i < points.length; i++) mean[i % dimensions]! += points[i]! / count;
  return Float64Array.from(points, (value, i) => value - mean[i % dimensions]!);
}

/** a (n,m) times b (m,k) */
function multiply(a: Float64Array, b: Float64Array, n: number, m: number, k: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(n * k);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const value = a[i * m + j]!;
      for (let c = 0; c < k; c++) out[i * k + c]! += value * b[j * k + c]!;
    }
  }
  return out;
}

/** The transpose of a (n,m) times b (n,k) */
function multiplyTransposed(a: Float64Array, b: Float64Array, n: number, m: number, k: number): Float64Array {
  const out = new Float64Array(m * k);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      const value = a[i * m + j]!;
      for (let c = 0; c < k; c++) out[j * k + c]! += value * b[i * k + c]!;
    }
  }
  return out;
}

/** The columns of a (n,k) made orthonormal, by Gram and Schmidt twice over, which keeps them so in floating point. */
function orthonormal(a: Float64Array, n: number, k: number): Float64Array {
  for (let c = 0; c < k; c++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let before = 0; before < c; before++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += a[i * k + c]! * a[i * k + before]!;
        for (let i = 0; i < n; i++) a[i * k + c]! -= dot * a[i * k + before]!;
      }
    }
    let square = 0;
    for (let i = 0; i < n; i++) square += a[i * k + c]! ** 2;
    const norm = Math.sqrt(square);
    // Points of fewer dimensions than asked for leave columns of nothing.
    for (let i = 0; i < n; i++) a[i * k + c] = norm > 1e-12 ? a[i * k + c]! / norm : 0;
  }
  return a;
}

/** Eigenvectors of a symmetric matrix (k,k) as columns, by falling eigenvalue: Jacobi's method. */
function eigenvectors(matrix: Float64Array, k: number): Float64Array {
  const a = matrix.slice();
  const vectors = Float64Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) === i % k ? 1 : 0));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < k; p++) for (let q = p + 1; q < k; q++) off += a[p * k + q]! ** 2;
    if (off < 1e-22 * a.reduce((sum, value) => sum + value * value, 0)) break;
    for (let p = 0; p < k; p++) {
      for (let q = p + 1; q < k; q++) rotate(a, vectors, k, p, q);
    }
  }
  const order = Array.from({ length: k }, (_, i) => i).sort((i, j) => a[j * k + j]! - a[i * k + i]!);
  return Float64Array.from({ length: k * k }, (_, i) => vectors[Math.floor(i / k) * k + order[i % k]!]!);
}

/** One rotation that makes a[p][q] 0. */
function rotate(a: Float64Array, vectors: Float64Array, k: number, p: number, q: number): void {
  const apq = a[p * k + q]!;
  if (apq === 0) return;
  const theta = (a[q * k + q]! - a[p * k + p]!) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const cos = 1 / Math.sqrt(t * t + 1);
  const sin = t * cos;
  for (let i = 0; i < k; i++) {
    const [x, y] = [a[i * k + p]!, a[i * k + q]!];
    a[i * k + p] = cos * x - sin * y;
    a[i * k + q] = sin * x + cos * y;
  }
  for (let i = 0; i < k; i++) {
    const [x, y] = [a[p * k + i]!, a[q * k + i]!];
    a[p * k + i] = cos * x - sin * y;
    a[q * k + i] = sin * x + cos * y;
    const [u, v] = [vectors[i * k + p]!, vectors[i * k + q]!];
    vectors[i * k + p] = cos * u - sin * v;
    vectors[i * k + q] = sin * u + cos * v;
  }
}
