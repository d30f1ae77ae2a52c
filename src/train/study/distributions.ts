import type { Choice, Distribution } from '../../interop/optuna-journal.js';

/** What a study draws, by the place in a recipe where it is put (`optimizer.lr`). */
export type SearchSpace = ReadonlyMap<string, Distribution>;

/** Steps of a distribution that has them; 0 for one whose values lie anywhere. */
export function stepOf({ name, attributes }: Distribution): number {
  return name === 'CategoricalDistribution' ? 1 : (attributes.step ?? 0);
}

/** Number of different values; infinite where they lie anywhere. */
export function countValues({ name, attributes }: Distribution): number {
  if (name === 'CategoricalDistribution') return attributes.choices.length;
  const { low, high, step } = attributes;
  if (low === high) return 1;
  return step === null ? Infinity : Math.round((high - low) / step) + 1;
}

/** The value at place `index` of a numeric distribution with steps. */
export function valueAt(low: number, step: number, index: number): number {
  // 0.3 + 2 * 0.1 is 0.5000000000000001 to the machine and 0.5 to people.
  return Number((low + index * step).toPrecision(12));
}

/** The nearest value that the distribution has. */
export function snap(distribution: Distribution, value: number): number {
  if (distribution.name === 'CategoricalDistribution') return value;
  const { low, high, step } = distribution.attributes;
  const inside = Math.min(Math.max(value, low), high);
  return step === null ? inside : valueAt(low, step, Math.round((inside - low) / step));
}

/** All values of a distribution with steps, as the journal has them. */
export function internalValues(distribution: Distribution): number[] {
  const { name, attributes } = distribution;
  return Array.from({ length: countValues(distribution) }, (_, i) =>
    name === 'CategoricalDistribution' ? i : valueAt(attributes.low, attributes.step ?? 1, i),
  );
}

/** How the journal holds a value; undefined for one that the distribution does not have. */
export function internalValue(distribution: Distribution, value: Choice): number | undefined {
  if (distribution.name === 'CategoricalDistribution') {
    const index = distribution.attributes.choices.indexOf(value);
    return index < 0 ? undefined : index;
  }
  const { low, high } = distribution.attributes;
  return typeof value === 'number' && value >= low && value <= high && snap(distribution, value) === value
    ? value
    : undefined;
}
