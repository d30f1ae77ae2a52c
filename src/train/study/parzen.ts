import type { Distribution } from '../../interop/optuna-journal.js';
import type { RandomStream } from '../../util/random.js';
import { snap } from './distributions.js';
import { normalLogPdf, normalMass, truncatedNormalQuantile } from './normal.js';

/** Weight of the prior among the observations, each of which has 1 or less. */
const PRIOR_WEIGHT = 1;

/** Observations of which each counts in full; older ones count less and less. */
const FULL_WEIGHTS = 25;

/** A density over one parameter's values, as the journal has them. */
export interface Density {
  sample(random: RandomStream): number;
  logPdf(value: number): number;
}

/**
 * The Parzen estimator of Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), as Optuna's
 * TPESampler has it: a mixture with a component for each observation and one for the prior.
 * @param observations in the order of their trials
 */
export function parzenEstimator(distribution: Distribution, observations: readonly number[]): Density {
  const weights = normalised([...observationWeights(observations.length), PRIOR_WEIGHT]);
  if (distribution.name === 'CategoricalDistribution') {
    const count = distribution.attributes.choices.length;
    return new Mixture(weights, categoricalComponents(count, observations), value => value);
  }
  const { low, high, step, log } = distribution.attributes;
  const half = (step ?? 0) / 2;
  const scale = (value: number) => (log ? Math.log(value) : value);
  // Steps have half of one to both sides, so that the first and the last are as likely as the others.
  const bounds = { low: scale(low - half), high: scale(high + half) };
  const components = normalComponents(observations.map(scale), bounds);
  const cell = (value: number): Cell =>
    half > 0 ? { low: scale(value - half), high: scale(value + half) } : scale(value);
  return new Mixture(
    weights,
    components.map(([mu, sigma]) => new TruncatedNormal(mu, sigma, bounds, cell)),
    value => snap(distribution, log ? Math.exp(value) : value),
  );
}

/** Weights of n observations by age: 1 for the last 25, and rising evenly from 1/n towards it for those before. */
export function observationWeights(n: number): number[] {
  const ramp = Math.max(0, n - FULL_WEIGHTS);
  return Array.from({ length: n }, (_, i) => {
    if (i >= ramp) return 1;
    return ramp === 1 ? 1 / n : 1 / n + (i / (ramp - 1)) * (1 - 1 / n);
  });
}

/** Bounds of a stepped value, or the point that a continuous one is. */
export type Cell = Bounds | number;

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/**
 * Means and standard deviations, the prior's last: an observation's deviation is its distance to the farther neighbour,
 * neither wider than the bounds nor narrower than their share of 1 / min(100, observations + 2).
 */
export function normalComponents(mus: readonly number[], { low, high }: Bounds): [mu: number, sigma: number][] {
  const width = high - low;
  const order = mus.map((_, i) => i).sort((a, b) => mus[a]! - mus[b]!);
  const sorted = [low, ...order.map(i => mus[i]!), high];
  const least = width / Math.min(100, 2 + mus.length);
  const sigmas: number[] = [];
  order.forEach((i, rank) => {
    const [before, own, after] = sorted.slice(rank, rank + 3) as [number, number, number];
    // The bounds are neighbours only to an observation that has no other.
    const left = rank === 0 && mus.length > 1 ? 0 : own - before;
    const right = rank === mus.length - 1 && mus.length > 1 ? 0 : after - own;
    sigmas[i] = Math.min(Math.max(left, right, least), width);
  });
  return [...mus.map((mu, i): [number, number] => [mu, sigmas[i]!]), [(low + high) / 2, width]];
}

/** A normal density cut off at bounds; `cell` is what of the line a value stands for. */
export class TruncatedNormal implements Density {
  readonly #mass: number;

  constructor(
    readonly mu: number,
    readonly sigma: number,
    private readonly bounds: Bounds,
    private readonly cell: (value: number) => Cell,
  ) {
    this.#mass = normalMass(this.#standard(bounds.low), this.#standard(bounds.high));
  }

  sample(random: RandomStream): number {
    const { low, high } = this.bounds;
    const z = truncatedNormalQuantile(random.uniform(), this.#standard(low), this.#standard(high));
    return this.mu + this.sigma * z;
  }

  logPdf(value: number): number {
    const cell = this.cell(value);
    const own =
      typeof cell === 'number'
        ? normalLogPdf(this.#standard(cell)) - Math.log(this.sigma)
        : Math.log(normalMass(this.#standard(cell.low), this.#standard(cell.high)));
    return own - Math.log(this.#mass);
  }

  #standard(x: number): number {
    return (x - this.mu) / this.sigma;
  }
}

/** A choice that was observed is likelier than the others by 1, on top of the prior's share for each. */
export function categoricalComponents(choices: number, observations: readonly number[]): Density[] {
  const share = PRIOR_WEIGHT / (observations.length + 1);
  const even = normalised(Array.from({ length: choices }, () => 1));
  return [
    ...observations.map(
      seen => new Categorical(normalised(even.map((_, choice) => share + (choice === Math.trunc(seen) ? 1 : 0)))),
    ),
    new Categorical(even),
  ];
}

class Categorical implements Density {
  constructor(private readonly probabilities: readonly number[]) {}

  sample(random: RandomStream): number {
    return pick(this.probabilities, random.uniform());
  }

  logPdf(value: number): number {
    return Math.log(this.probabilities[value] ?? 0);
  }
}

/** Several densities, each with its share; `finish` makes what a component drew a value of the parameter. */
export class Mixture implements Density {
  constructor(
    private readonly weights: readonly number[],
    private readonly components: readonly Density[],
    private readonly finish: (value: number) => number,
  ) {}

  sample(random: RandomStream): number {
    const component = this.components[pick(this.weights, random.uniform())]!;
    return this.finish(component.sample(random));
  }

  logPdf(value: number): number {
    const terms = this.components.map((component, i) => Math.log(this.weights[i]!) + component.logPdf(value));
    const largest = Math.max(...terms);
    if (largest === -Infinity) return -Infinity;
    return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
  }
}

export function normalised(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map(value => value / sum);
}

/** The index into which `share` of all falls. */
function pick(probabilities: readonly number[], share: number): number {
  let sum = 0;
  const index = probabilities.findIndex(probability => (sum += probability) > share);
  // Rounding may leave the sum a little below 1.
  return index < 0 ? probabilities.length - 1 : index;
}
