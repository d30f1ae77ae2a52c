import { UserError } from '../util/errors.js';
import type { Predictions } from './evaluate.js';
import { bootstrap, type BootstrapOptions, type Interval } from './metrics/bootstrap.js';
import { holm, mcnemar, type McNemar } from './metrics/mcnemar.js';

/** Two runs on the same images. */
export interface RunComparison extends McNemar {
  readonly first: string;
  readonly second: string;
  /** Accuracy of the first less that of the second, with its bootstrap interval over the images. */
  readonly difference: number;
  readonly differenceInterval: Interval | null;
  /** `pValue`, adjusted by Holm for the number of comparisons. */
  readonly adjustedPValue: number;
}

/** A run's predictions, by the name that people know it by. */
export interface NamedPredictions {
  readonly name: string;
  readonly predictions: Pick<Predictions, 'labels' | 'predictions'>;
}

/**
 * McNemar's test of a run against each of others, on the same images in the same order.
 * @throws {UserError} where runs were evaluated on other images
 */
export function compareWith(
  run: NamedPredictions,
  others: readonly NamedPredictions[],
  options: BootstrapOptions = {},
): RunComparison[] {
  const pairs = others.map(other => [run, other] as const);
  return comparePairs(pairs, options);
}

/** As `compareWith`, of every run with every other. */
export function compareRuns(runs: readonly NamedPredictions[], options: BootstrapOptions = {}): RunComparison[] {
  const pairs = runs.flatMap((first, i) => runs.slice(i + 1).map(second => [first, second] as const));
  return comparePairs(pairs, options);
}

function comparePairs(
  pairs: readonly (readonly [NamedPredictions, NamedPredictions])[],
  options: BootstrapOptions,
): RunComparison[] {
  const found = pairs.map(([first, second]) => {
    const truth = first.predictions.labels;
    const same =
      truth.length === second.predictions.labels.length &&
      truth.every((label, i) => label === second.predictions.labels[i]);
    if (!same) {
      throw new UserError(`${first.name} and ${second.name} were evaluated on other images: they cannot be compared`);
    }
    const [a, b] = [first.predictions.predictions, second.predictions.predictions];
    const gains = Array.from(truth, (label, i) => Number(a[i] === label) - Number(b[i] === label));
    const mean = (weights: ArrayLike<number>) =>
      gains.reduce((total, gain, i) => total + gain * weights[i]!, 0) / truth.length;
    const [interval = null] = bootstrap(truth.length, weights => [mean(weights)], options);
    return {
      ...{ first: first.name, second: second.name },
      ...mcnemar(truth, a, b),
      difference: gains.reduce((total, gain) => total + gain, 0) / truth.length,
      differenceInterval: interval,
    };
  });
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map((comparison, i) => ({ ...comparison, adjustedPValue: adjusted[i]! }));
}
