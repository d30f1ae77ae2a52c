import { UserError } from '../../util/errors.js';
import { affinitiesOf, type Affinities } from './affinities.js';
import { principalComponents } from './pca.js';
import { QuadTree } from './quadtree.js';

/** Choices of t-SNE; every one has a default. */
export interface TsneOptions {
  /** About how many neighbours count; below a third of the points. 30 by default. */
  readonly perplexity?: number;
  /** 0: exact; larger: coarser and faster (Barnes and Hut). By default 0 up to 1,000 points, else 0.5. */
  readonly theta?: number;
  readonly iterations?: number;
  /** Told the share of the iterations that are done; may be asynchronous to let others run. */
  readonly onProgress?: (fraction: number) => void;
}

/** Above as many points the sums over all pairs are approximated. */
const EXACT = 1000;
/** Features are brought down to as many dimensions first (van der Maaten and Hinton 2008, section 4.2: 30). */
const DIMENSIONS = 50;
/** The first iterations pull as many times as strongly, so that clusters find together; scikit-learn's value. */
const EXAGGERATION = 12;
const EXAGGERATED = 250;
const ITERATIONS = 750;

/**
 * t-SNE in the plane (van der Maaten and Hinton 2008; Barnes-Hut: van der Maaten 2014), as scikit-learn does it: principal
 * components as the start, early exaggeration 12 for 250 iterations, learning rate max(N/48, 50), momentum 0.5 then 0.8, gains.
 * Deterministic.
 *
 * @param points (count,dimensions)
 * @returns (count,2)
 * @throws UserError where there are too few points for the perplexity
 */
export function tsne(
  points: ArrayLike<number>,
  count: number,
  dimensions: number,
  options: TsneOptions = {},
): Float64Array {
  const {
    perplexity = Math.min(30, (count - 1) / 3),
    theta = count > EXACT ? 0.5 : 0,
    iterations = ITERATIONS,
  } = options;
  if (count < 4) throw new UserError(`t-SNE needs four points or more; there are ${count}`);
  if (!(perplexity >= 1) || perplexity > (count - 1) / 3) {
    throw new UserError(
      `perplexity ${perplexity} is for more points: with ${count} it is from 1 to ${(count - 1) / 3}`,
    );
  }
  const reduced = principalComponents(points, count, dimensions, DIMENSIONS);
  const affinities = affinitiesOf(reduced, count, reduced.length / count, perplexity);
  const y = startOf(reduced, count);
  const speed = new Float64Array(y.length);
  const gains = new Float64Array(y.length).fill(1);
  const rate = Math.max(count / EXAGGERATION / 4, 50);
  const tree = theta > 0 ? new QuadTree(count) : undefined;
  for (let i = 0; i < iterations; i++) {
    const early = i < EXAGGERATED;
    const { gradient } = gradientOf(affinities, y, { exaggeration: early ? EXAGGERATION : 1, theta, tree });
    const momentum = early ? 0.5 : 0.8;
    for (let d = 0; d < y.length; d++) {
      const along = speed[d]! * gradient[d]! < 0;
      gains[d] = Math.max(0.01, along ? gains[d]! + 0.2 : gains[d]! * 0.8);
      speed[d] = momentum * speed[d]! - rate * gains[d]! * gradient[d]!;
      y[d]! += speed[d]!;
    }
    options.onProgress?.((i + 1) / iterations);
  }
  return y;
}

/** The first two components, scaled to a deviation of 1e-4 along the first. */
function startOf(components: Float64Array, count: number): Float64Array {
  const k = components.length / count;
  let square = 0;
  for (let n = 0; n < count; n++) square += components[n * k]! ** 2 / count;
  const scale = square > 0 ? 1e-4 / Math.sqrt(square) : 0;
  return Float64Array.from({ length: 2 * count }, (_, i) => {
    const [n, d] = [i >> 1, i & 1];
    // Points that are all one would stay so; a spread far below anything seen parts them.
    const apart = 1e-10 * ((n % 97) - 48) * (d === 0 ? 1 : -1);
    return (d < k ? scale * components[n * k + d]! : 0) + apart;
  });
}

/**
 * The gradient (count,2) of the divergence KL(P‖Q) by the points y, and the divergence itself, by the affinities that count
 * (van der Maaten and Hinton 2008, eq. 5).
 */
export function gradientOf(
  { count, start, neighbours, values }: Affinities,
  y: Float64Array,
  { exaggeration = 1, theta = 0, tree }: { exaggeration?: number; theta?: number; tree?: QuadTree | undefined },
): { gradient: Float64Array; divergence: number } {
  const repulsion = new Float64Array(y.length);
  let total = 0;
  if (tree) {
    tree.build(y);
    const force = new Float64Array(2);
    for (let i = 0; i < count; i++) {
      force.fill(0);
      total += tree.repel(y[2 * i]!, y[2 * i + 1]!, theta, force);
      repulsion[2 * i] = force[0]!;
      repulsion[2 * i + 1] = force[1]!;
    }
  } else {
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        const dx = y[2 * i]! - y[2 * j]!;
        const dy = y[2 * i + 1]! - y[2 * j + 1]!;
        const q = 1 / (1 + dx * dx + dy * dy);
        total += 2 * q;
        repulsion[2 * i]! += q * q * dx;
        repulsion[2 * i + 1]! += q * q * dy;
        repulsion[2 * j]! -= q * q * dx;
        repulsion[2 * j + 1]! -= q * q * dy;
      }
    }
  }
  const gradient = new Float64Array(y.length);
  let divergence = 0;
  for (let i = 0; i < count; i++) {
    let [x, z] = [0, 0];
    for (let e = start[i]!; e < start[i + 1]!; e++) {
      const j = neighbours[e]!;
      const dx = y[2 * i]! - y[2 * j]!;
      const dy = y[2 * i + 1]! - y[2 * j + 1]!;
      const q = 1 / (1 + dx * dx + dy * dy);
      x += values[e]! * q * dx;
      z += values[e]! * q * dy;
      if (values[e]! > 0) divergence += values[e]! * Math.log((values[e]! * total) / q);
    }
    gradient[2 * i] = 4 * (exaggeration * x - repulsion[2 * i]! / total);
    gradient[2 * i + 1] = 4 * (exaggeration * z - repulsion[2 * i + 1]! / total);
  }
  return { gradient, divergence };
}
