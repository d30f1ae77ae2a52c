/** Symmetric affinities p_ij of t-SNE between points and their neighbours, in compressed rows; they sum to 1. */
export interface Affinities {
  readonly count: number;
  /** (count+1): the neighbours of point i stand at `start[i]` to `start[i+1]-1`. */
  readonly start: Uint32Array;
  readonly neighbours: Uint32Array;
  readonly values: Float64Array;
}

/** How exactly a row's perplexity is met, in the logarithm; scikit-learn's tolerance. */
const TOLERANCE = 1e-5;
const BISECTIONS = 100;

/**
 * p_ij = (p_j|i + p_i|j)/2N, where p_j|i falls as a Gaussian of the squared distance, as wide as `perplexity` asks (van der
 * Maaten and Hinton 2008, eq. 1). Of each point the 3·perplexity nearest count (van der Maaten 2014, section 4.1), or all where
 * there are no more.
 *
 * @param points (count,dimensions)
 */
export function affinitiesOf(
  points: ArrayLike<number>,
  count: number,
  dimensions: number,
  perplexity: number,
): Affinities {
  const k = Math.min(count - 1, Math.floor(3 * perplexity));
  const rows = new Map<number, number>();
  const distances = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      let sum = 0;
      for (let d = 0; d < dimensions; d++) sum += (points[i * dimensions + d]! - points[j * dimensions + d]!) ** 2;
      distances[j] = sum;
    }
    distances[i] = Infinity;
    const nearest = nearestOf(distances, k);
    const conditional = gaussian(
      nearest.map(j => distances[j]!),
      Math.log(perplexity),
    );
    nearest.forEach((j, n) => {
      // Both directions meet in one entry, with the lower index first.
      const key = i < j ? i * count + j : j * count + i;
      rows.set(key, (rows.get(key) ?? 0) + conditional[n]! / (2 * count));
    });
  }
  return compressed(rows, count);
}

/** The indices of the `k` smallest distances. */
function nearestOf(distances: Float64Array, k: number): number[] {
  const limit = select(distances.slice(), k - 1);
  const chosen: number[] = [];
  // Those below the limit first, so that equals at the limit do not push them out.
  for (let j = 0; j < distances.length; j++) if (distances[j]! < limit) chosen.push(j);
  for (let j = 0; j < distances.length && chosen.length < k; j++) if (distances[j] === limit) chosen.push(j);
  return chosen;
}

/** The value that would stand at `rank` if `values` were sorted (Hoare's selection); leaves them in another order. */
function select(values: Float64Array, rank: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const other = values[i]!;
      values[i++] = values[j]!;
      values[j--] = other;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank]!;
}

/** Probabilities exp(-βd)/Σ with the β whose entropy is `entropy` (natural logarithm), by bisection. */
function gaussian(distances: readonly number[], entropy: number): number[] {
  // Only differences matter, and the nearest neighbour's weight stays 1 however far it is.
  const nearest = distances.reduce((a, b) => Math.min(a, b), Infinity);
  let beta = 1;
  let [low, high] = [0, Infinity];
  let p: number[] = [];
  for (let i = 0; i < BISECTIONS; i++) {
    p = distances.map(d => Math.exp(-beta * (d - nearest)));
    const total = p.reduce((sum, value) => sum + value, 0);
    p = p.map(value => value / total);
    const off = p.reduce((sum, value) => (value > 0 ? sum - value * Math.log(value) : sum), 0) - entropy;
    if (Math.abs(off) < TOLERANCE) break;
    if (off > 0) low = beta;
    else high = beta;
    beta = high === Infinity ? beta * 2 : (low + high) / 2;
  }
  return p;
}

function compressed(pairs: ReadonlyMap<number, number>, count: number): Affinities {
  const start = new Uint32Array(count + 1);
  for (const key of pairs.keys()) {
    start[Math.floor(key / count) + 1]!++;
    start[(key % count) + 1]!++;
  }
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const next = start.slice();
  const neighbours = new Uint32Array(2 * pairs.size);
  const values = new Float64Array(2 * pairs.size);
  const put = (i: number, j: number, value: number) => {
    neighbours[next[i]!] = j;
    values[next[i]!++] = value;
  };
  for (const [key, value] of pairs) {
    const [i, j] = [Math.floor(key / count), key % count];
    put(i, j, value);
    put(j, i, value);
  }
  return { count, start, neighbours, values };
}
