import type { Choice, Direction, Distribution } from '../../interop/optuna-journal.js';
import { UserError } from '../../util/errors.js';
import { definitionOf } from '../model.js';
import { newOptions } from '../new-options.js';
import { parseRecipe, type About } from '../recipes/index.js';
import type { TrainOptions } from '../types.js';
import type { SearchSpace } from './distributions.js';
import type { PrunerOptions } from './pruners.js';
import type { SamplerOptions } from './samplers.js';

/** What a study looks at: of the best epoch, on the validation split. */
export type Metric = 'loss' | 'accuracy';

/** What decides what trials are; it stays as it is for a study's whole life, and the journal keeps it. */
export interface StudySubject {
  readonly recipe: {
    /** As it was asked for. */
    readonly name: string;
    readonly text: string;
    /** The recipe's paths count from its folder. */
    readonly file: string;
  };
  /** Fields that differ from the recipe's, `place=value`. */
  readonly set: readonly string[];
  readonly metric: Metric;
  readonly space: Readonly<Record<string, Distribution>>;
  /** Values that a grid has of a parameter instead of all its steps. */
  readonly grid: Readonly<Record<string, readonly number[]>>;
}

/** How a study goes about it; this may change from one sitting to the next. */
export interface StudyDefinition extends StudySubject {
  readonly name: string;
  /** Trials in all; absent for a grid, which has its points. */
  readonly trials?: number;
  readonly sampler: SamplerOptions;
  readonly pruner: PrunerOptions;
}

export function directionOf(metric: Metric): Direction {
  return metric === 'loss' ? 'minimize' : 'maximize';
}

export function searchSpace({ space }: StudySubject): SearchSpace {
  return new Map(Object.entries(space));
}

/** Whether what is searched decides which images there are, or their size: then trials have data of their own. */
export function searchesData({ space }: StudySubject): boolean {
  return Object.keys(space).some(place => /^(data|model)\./.test(place));
}

/** What the recipe becomes with a trial's values. */
export function recipeOfTrial(
  { recipe, set }: StudySubject,
  values: ReadonlyMap<string, Choice>,
): { about?: About; options: Partial<TrainOptions> } {
  const drawn = Array.from(values, ([place, value]) => `${place}=${JSON.stringify(value)}`);
  return parseRecipe(recipe.text, recipe.file, [...set, ...drawn]);
}

/**
 * The options of a trial's run.
 * @param data a data set that goes before the recipe's own
 * @throws {UserError} where the values do not go together
 */
export function optionsOfTrial(
  subject: StudySubject,
  values: ReadonlyMap<string, Choice>,
  data?: string,
): TrainOptions {
  const { options } = recipeOfTrial(subject, values);
  return newOptions({ ...options, ...(data === undefined ? {} : { data }) });
}

/**
 * Refuses a study whose trials would all fail: the first values of its ranges must make a run.
 * @param data as of `optionsOfTrial`
 * @throws {UserError}
 */
export function requirePossible(subject: StudySubject, data?: string): void {
  const first = Array.from(searchSpace(subject), ([place, { name, attributes }]): [string, Choice] => [
    place,
    name === 'CategoricalDistribution' ? (attributes.choices[0] ?? null) : attributes.low,
  ]);
  definitionOf(optionsOfTrial(subject, new Map(first), data));
}

/**
 * Refuses to go on with a study that is another one.
 * @throws {UserError} naming what differs
 */
export function requireSameSubject(name: string, stored: StudySubject, given: StudySubject): void {
  const differing = (['metric', 'space', 'grid'] as const).filter(
    key => canonical(stored[key]) !== canonical(given[key]),
  );
  const options = (subject: StudySubject) => canonical(recipeOfTrial(subject, new Map()).options);
  const what = [
    ...differing.map(key => ({ metric: 'the metric', space: 'the search space', grid: 'the grid' })[key]),
    ...(options(stored) === options(given)
      ? []
      : ["the recipe's fields, or what --set, --epochs or --limit make of them"]),
  ];
  if (what.length === 0) return;
  throw new UserError(
    `study ${name} was begun with something else; different now: ${what.join('; ')}. A study keeps these: give it as it ` +
      'was, or begin another one with another name: or --out',
  );
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
