import type { Direction, Distribution } from '../../interop/optuna-journal.js';
import type { JournalTrial } from '../../interop/optuna-replay.js';
import { countValues } from './distributions.js';
import { categoricalComponents, Mixture, normalised, TruncatedNormal, type Density } from './parzen.js';

/** Share of the trials that count as good. */
const TARGET_QUANTILE = 0.1;
/** Cells into which a numeric parameter's range is divided at most. */
const GRID_STEPS = 50;
const PRIOR_WEIGHT = 1;
/** Keeps the quotient of two densities finite. */
const EPSILON = 1e-12;

/**
 * How much each parameter decides whether a trial is among the best tenth: PED-ANOVA of Watanabe et al., "PED-ANOVA:
 * Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces" (IJCAI 2023), with Optuna's defaults. Shares
 * of 1, the largest first; all alike where there are too few complete trials to tell.
 */
export function importances(trials: readonly JournalTrial[], direction: Direction): Map<string, number> {
  const complete = trials.filter(({ state, value }) => state === 'complete' && Number.isFinite(value));
  const distributions = new Map(complete.flatMap(trial => [...trial.distributions]));
  const good = new Set(bestTrials(complete, direction));
  const raw = Array.from(distributions, ([name, distribution]): [string, number] => {
    const having = complete.filter(({ internal }) => internal.has(name));
    const goodHaving = having.filter(trial => good.has(trial));
    if (countValues(distribution) < 2 || having.length < 2 || goodHaving.length === 0) return [name, 0];
    const values = (of: readonly JournalTrial[]) => of.map(({ internal }) => internal.get(name)!);
    // Trials without the parameter are a part of the space of their own: those with it count by their share.
    const share = (goodHaving.length / good.size) ** 2 / (having.length / complete.length);
    return [name, share * divergence(distribution, values(goodHaving), values(having))];
  });
  const total = raw.reduce((sum, [, value]) => sum + value, 0);
  return new Map(
    raw
      .map(([name, value]): [string, number] => [name, total > 0 ? value / total : 1 / raw.length])
      .sort(([, a], [, b]) => b - a),
  );
}

/** The best tenth, and all that are as good as its last. */
function bestTrials(trials: readonly JournalTrial[], direction: Direction): JournalTrial[] {
  const sign = direction === 'minimize' ? 1 : -1;
  const losses = trials.map(({ value }) => sign * value!).sort((a, b) => a - b);
  const cutoff = losses[Math.ceil(TARGET_QUANTILE * losses.length) - 1] ?? -Infinity;
  return trials.filter(({ value }) => sign * value! <= cutoff);
}

/** Pearson's divergence of the density of the good values from that of all, on the grid of the parameter's values. */
function divergence(distribution: Distribution, good: readonly number[], all: readonly number[]): number {
  const size = gridSize(distribution);
  const [top, local] = [good, all].map(values => densityOnGrid(distribution, size, values)) as [Density, Density];
  let sum = 0;
  for (let cell = 0; cell < size; cell++) {
    const [p, q] = [top, local].map(density => Math.exp(density.logPdf(cell)) + EPSILON) as [number, number];
    sum += q * (p / q - 1) ** 2;
  }
  return sum;
}

function gridSize(distribution: Distribution): number {
  const { name, attributes } = distribution;
  if (name === 'CategoricalDistribution') return attributes.choices.length;
  if (name === 'IntDistribution' && attributes.log) {
    return Math.min(Math.ceil(Math.log2(attributes.high - attributes.low + 1)) + 1, GRID_STEPS);
  }
  return Math.min(countValues(distribution), GRID_STEPS);
}

function densityOnGrid(distribution: Distribution, size: number, values: readonly number[]): Density {
  const counts = new Array<number>(size).fill(0);
  for (const value of values) counts[cellOf(distribution, size, value)]!++;
  const cells = counts.flatMap((count, cell) => (count > 0 ? [cell] : []));
  const weights = cells.map(cell => counts[cell]!);
  const mixed = normalised([...weights, PRIOR_WEIGHT]);
  if (distribution.name === 'CategoricalDistribution') {
    return new Mixture(mixed, categoricalComponents(size, cells), value => value);
  }
  const sigma = scottWidth(cells, weights);
  const bounds = { low: -0.5, high: size - 0.5 };
  const normal = (mu: number, width: number) =>
    new TruncatedNormal(mu, width, bounds, cell => ({ low: cell - 0.5, high: cell + 0.5 }));
  return new Mixture(mixed, [...cells.map(cell => normal(cell, sigma)), normal((size - 1) / 2, size)], value => value);
}

function cellOf({ name, attributes }: Distribution, size: number, value: number): number {
  if (name === 'CategoricalDistribution') return Math.trunc(value);
  const scale = (x: number) => (attributes.log ? Math.log(x) : x);
  const [low, high] = [scale(attributes.low), scale(attributes.high)];
  const cell = Math.ceil(((scale(value) - low) / (high - low)) * (size - 1) - 0.5);
  return Math.min(Math.max(cell, 0), size - 1);
}

/** A cell of width 1 holds nine tenths of the narrowest component. */
const LEAST_WIDTH = 0.5 / 1.64;

/** Bandwidth by Scott's rule ("Multivariate Density Estimation", 1992) of cells that were observed `weights` times. */
function scottWidth(cells: readonly number[], weights: readonly number[]): number {
  let sum = 0;
  const cumulative = weights.map(weight => (sum += weight));
  const mean = cells.reduce((total, cell, i) => total + cell * weights[i]!, 0) / sum;
  const squares = cells.reduce((total, cell, i) => total + (cell - mean) ** 2 * weights[i]!, 0);
  const deviation = Math.sqrt(squares / Math.max(1, sum - 1));
  const firstQuarter = cumulative.findIndex(count => count >= Math.floor(sum / 4));
  const thirdQuarter = cumulative.findIndex(count => count > Math.floor((sum * 3) / 4));
  const range = cells.at(thirdQuarter)! - cells[firstQuarter]!;
  return Math.max(1.059 * Math.min(range / 1.34, deviation) * sum ** -0.2, LEAST_WIDTH);
}
