import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../../util/errors.js';
import { parseRecipe, type RecipeContent } from './parse.js';

/** Where the package keeps its recipes, seen from this file and from its compiled form alike. */
const shipped = fileURLToPath(new URL('../../../recipes/', import.meta.url));

const EXTENSION = /\.ya?ml$/i;

/** A recipe as `train --recipe` takes it: its options, and what it says of itself. */
export interface Recipe extends RecipeContent {
  /** As it was asked for. */
  readonly name: string;
  /** What the file says, comments included. */
  readonly text: string;
}

/** Names of the recipes that come with the package: their paths below `recipes/`, without extension; studies are none. */
export async function recipeNames(): Promise<string[]> {
  const entries = await readdir(shipped, { recursive: true });
  return entries
    .filter(entry => EXTENSION.test(entry))
    .map(entry => entry.replaceAll('\\', '/').replace(EXTENSION, ''))
    .filter(name => !name.startsWith('studies/'))
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b, 'en'));
}

/** Those of the five systems come first. */
const rank = (name: string) => (name.includes('/') ? 0 : 1);

/**
 * Reads a recipe: one that comes with the package, by its name, or a .yaml file.
 *
 * @param overrides `place=value` (parse.ts)
 * @throws {UserError} where there is none, with the nearest name, and for everything that is wrong in it
 */
export async function readRecipe(name: string, overrides: readonly string[] = []): Promise<Recipe> {
  const file = EXTENSION.test(name) ? name : await shippedFile(name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`--recipe ${file} cannot be read: ${(error as Error).message}`);
  }
  return { name, text, ...parseRecipe(text, file, overrides) };
}

async function shippedFile(name: string): Promise<string> {
  const names = await recipeNames();
  if (names.includes(name)) return join(shipped, `${name}.yaml`);
  throw new UserError(
    `no recipe is called '${name}': did you mean ${closest(name, names)}? Valid are: ${names.join(', ')}, ` +
      'or the path of a .yaml file',
  );
}
