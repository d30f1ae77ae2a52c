import { basename, join } from 'node:path';
import { newOptions } from '../../train/new-options.js';
import { readRecipe, recipeNames, type Reported } from '../../train/recipes/index.js';
import type { Member } from '../../train/series/index.js';
import type { TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';

/** A recipe's run from one seed. */
export interface Experiment extends Member {
  readonly name: string;
  readonly seed: number;
  readonly reported: Reported | undefined;
}

/** A recipe that gives no run, and why. */
export interface Refused {
  readonly name: string;
  readonly error: UserError;
}

export interface ExperimentsAsked {
  /** Names of recipes, patterns with `*` and `?`, or .yaml files. */
  readonly recipes: readonly string[];
  /** Fields of every recipe (`train --set`). */
  readonly set?: readonly string[] | undefined;
  /** What goes before every recipe's own. */
  readonly given: Partial<TrainOptions>;
  /** By default each recipe's own. */
  readonly seeds?: readonly number[] | undefined;
  /** Where the runs lie. */
  readonly out: string;
}

/**
 * The recipes that are meant, each once, in the order given; a pattern's own matches in the order of the list.
 * @throws {UserError} where a pattern matches none
 */
export async function matchRecipes(patterns: readonly string[]): Promise<string[]> {
  const known = await recipeNames();
  const found = patterns.flatMap(pattern => {
    if (!/[*?]/.test(pattern) || /\.ya?ml$/i.test(pattern)) return [pattern];
    const matches = known.filter(name => matcher(pattern).test(name));
    if (matches.length > 0) return matches;
    throw new UserError(`--recipes ${pattern}: no recipe has such a name; there are ${known.join(', ')}`);
  });
  return [...new Set(found)];
}

/** `*` stands for anything within a name between slashes, `?` for one character of it. */
function matcher(pattern: string): RegExp {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${text}$`);
}

/**
 * The runs that are asked for. A recipe that does not go together with the options given is refused by itself.
 * @throws {UserError} where every one is refused, and where two would have the same folder
 */
export async function planExperiments(
  asked: ExperimentsAsked,
): Promise<{ experiments: Experiment[]; refused: Refused[] }> {
  const experiments: Experiment[] = [];
  const refused: Refused[] = [];
  for (const name of await matchRecipes(asked.recipes)) {
    try {
      experiments.push(...(await experimentsOf(name, asked)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.push({ name, error });
    }
  }
  if (experiments.length === 0) throw refused[0]!.error;
  const paths = experiments.map(({ path }) => path);
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new UserError(`two recipes would be trained in ${twice}: rename one of the files`);
  return { experiments, refused };
}

async function experimentsOf(name: string, { set, given, seeds, out }: ExperimentsAsked): Promise<Experiment[]> {
  const { options, about } = await readRecipe(name, set);
  const folder = /\.ya?ml$/i.test(name) ? basename(name).replace(/\.ya?ml$/i, '') : name.replaceAll('/', '-');
  return [...(seeds ?? [undefined])].map(seed => {
    const own = newOptions({ ...options, ...given, ...(seed === undefined ? {} : { seed }) });
    return {
      ...{ name: name, seed: own.seed, reported: about?.reported, options: own },
      path: join(out, seed === undefined ? folder : `${folder}-seed-${seed}`),
      head: { about, comment: `${name}, as this run follows it.` },
    };
  });
}
