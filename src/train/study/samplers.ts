import type { JournalTrial } from '../../interop/optuna-replay.js';
import type { Direction, Distribution } from '../../interop/optuna-journal.js';
import { RandomStream } from '../../util/random.js';
import { internalValues, snap, type SearchSpace } from './distributions.js';
import { parzenEstimator } from './parzen.js';

/** Stream of the draws of samplers, clear of those of tensors and data. */
const STREAM = 300;

export type SamplerOptions =
  | { readonly name: 'random'; readonly seed: number }
  | { readonly name: 'grid' }
  | {
      readonly name: 'tpe';
      readonly seed: number;
      /** Trials that are drawn at random first. */
      readonly nStartupTrials: number;
      /** Values of which the most promising one is taken. */
      readonly nEiCandidates: number;
      /** Share of the trials that count as good; at most 25 do. */
      readonly gamma: number;
    };

export interface SamplingContext {
  readonly space: SearchSpace;
  /** Values that a grid has of a parameter instead of all its steps. */
  readonly grid: ReadonlyMap<string, readonly number[]>;
  readonly direction: Direction;
  /** All trials of the study before this one. */
  readonly trials: readonly JournalTrial[];
  /** Number of the trial that is drawn. */
  readonly number: number;
}

/** Values by parameter, as the journal has them. */
export type Sample = ReadonlyMap<string, number>;

/**
 * Draws a trial: a function of the options, the trial's number and the trials before it. Undefined where a grid has no
 * point left.
 */
export function sampleTrial(options: SamplerOptions, context: SamplingContext): Sample | undefined {
  if (options.name === 'grid') return nextGridPoint(context);
  const { space, trials, number } = context;
  const parameters = [...space];
  const known = trials.filter(({ state }) => state === 'complete' || state === 'pruned');
  const tpe = options.name === 'tpe' && known.length >= options.nStartupTrials ? options : undefined;
  const split = tpe && splitTrials(context, Math.min(Math.ceil(tpe.gamma * known.length), MOST_GOOD_TRIALS));
  return new Map(
    parameters.map(([name, distribution], i) => {
      const random = new RandomStream(options.seed, STREAM + i, number);
      if (!tpe || !split) return [name, uniformValue(distribution, random)];
      const observed = (of: readonly JournalTrial[]) =>
        of.flatMap(({ internal }) => (internal.has(name) ? [internal.get(name)!] : []));
      const [good, rest] = [observed(split.below), observed(split.above)];
      return [name, mostPromising(distribution, good, rest, tpe.nEiCandidates, random)];
    }),
  );
}

const MOST_GOOD_TRIALS = 25;

/** One of the values, each as likely as any other; on a logarithmic scale where the distribution has one. */
export function uniformValue(distribution: Distribution, random: RandomStream): number {
  if (distribution.name === 'CategoricalDistribution') return random.integer(distribution.attributes.choices.length);
  const { low, high, step, log } = distribution.attributes;
  const half = (step ?? 0) / 2;
  const scale = (x: number) => (log ? Math.log(x) : x);
  const [from, to] = [scale(low - half), scale(high + half)];
  const drawn = from + (to - from) * random.uniform();
  return snap(distribution, log ? Math.exp(drawn) : drawn);
}

/**
 * Of `candidates` values drawn from the density of the good trials, the one that this density favours most over that of
 * the rest: by Bergstra et al. (2011) the one with the largest expected improvement.
 */
function mostPromising(
  distribution: Distribution,
  good: readonly number[],
  rest: readonly number[],
  candidates: number,
  random: RandomStream,
): number {
  const [below, above] = [parzenEstimator(distribution, good), parzenEstimator(distribution, rest)];
  let best = NaN;
  let bestGain = -Infinity;
  for (let i = 0; i < candidates; i++) {
    const value = below.sample(random);
    const gain = below.logPdf(value) - above.logPdf(value);
    if (i === 0 || gain > bestGain) {
      best = value;
      bestGain = gain;
    }
  }
  return best;
}

/**
 * The `count` best trials and the rest, each by number. Complete trials come before pruned ones, and pruned ones are better
 * the later they were pruned, then by their last value. What still runs counts among the rest, so that several workers do
 * not draw the same (Optuna's `constant_liar`); failed and waiting trials do not count.
 */
export function splitTrials(
  { trials, direction }: Pick<SamplingContext, 'trials' | 'direction'>,
  count: number,
): { below: JournalTrial[]; above: JournalTrial[] } {
  const sign = direction === 'minimize' ? 1 : -1;
  const complete = trials
    .filter(({ state }) => state === 'complete')
    .sort((a, b) => sign * (a.value ?? NaN) - sign * (b.value ?? NaN));
  const pruned = trials
    .filter(({ state }) => state === 'pruned')
    .map(trial => ({ trial, score: prunedScore(trial, sign) }))
    .sort((a, b) => a.score[0] - b.score[0] || a.score[1] - b.score[1])
    .map(({ trial }) => trial);
  const ranked = [...complete, ...pruned];
  const running = trials.filter(({ state }) => state === 'running');
  const byNumber = (a: JournalTrial, b: JournalTrial) => a.number - b.number;
  return {
    below: ranked.slice(0, count).sort(byNumber),
    above: [...ranked.slice(count), ...running].sort(byNumber),
  };
}

function prunedScore({ intermediate }: JournalTrial, sign: number): [number, number] {
  if (intermediate.size === 0) return [1, 0];
  const step = Math.max(...intermediate.keys());
  const value = intermediate.get(step)!;
  return [-step, Number.isNaN(value) ? Infinity : sign * value];
}

/** The first point of the grid that no trial has taken; the last parameter changes fastest. */
function nextGridPoint({ space, grid, trials }: SamplingContext): Sample | undefined {
  const taken = new Set(
    trials.map(({ internal }) => JSON.stringify([...space.keys()].map(name => internal.get(name)))),
  );
  for (const point of gridPoints(space, grid)) if (!taken.has(JSON.stringify([...point.values()]))) return point;
  return undefined;
}

export function* gridPoints(space: SearchSpace, grid: SamplingContext['grid']): Generator<Map<string, number>> {
  const axes = Array.from(space, ([name, distribution]) => ({
    name,
    values: grid.get(name) ?? internalValues(distribution),
  }));
  const places = axes.map(() => 0);
  for (;;) {
    yield new Map(axes.map(({ name, values }, i) => [name, values[places[i]!]!]));
    let axis = axes.length - 1;
    while (axis >= 0 && ++places[axis]! === axes[axis]!.values.length) places[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Number of points of the grid. */
export function gridSize(space: SearchSpace, grid: SamplingContext['grid']): number {
  return Array.from(space, ([name, distribution]) => (grid.get(name) ?? internalValues(distribution)).length).reduce(
    (product, count) => product * count,
    1,
  );
}
