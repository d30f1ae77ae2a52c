import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closest } from 'fastest-levenshtein';
import { isMap, isNode, LineCounter, parseDocument, type Document } from 'yaml';
import type * as z from 'zod';
import type { Choice } from '../../interop/optuna-journal.js';
import { UserError } from '../../util/errors.js';
import { parseRecipe, readRecipe } from '../recipes/index.js';
import { offsetOf } from '../recipes/parse.js';
import type { StudyDefinition } from './definition.js';
import { countValues } from './distributions.js';
import { distributionOf, faultOf, kinds, prunerOf, samplerOf, studySchema, type Parameter } from './layout.js';

/** Where the package keeps its studies, seen from this file and from its compiled form alike. */
const shipped = fileURLToPath(new URL('../../../recipes/studies/', import.meta.url));

const EXTENSION = /\.ya?ml$/i;

/**
 * Reads a study's file: one that comes with the package, by its name, or a .yaml file.
 * @param overrides `place=value`, which go before the file's own `set`
 * @throws {UserError} that names line and field of everything that is wrong
 */
export async function readStudy(name: string, overrides: readonly string[] = []): Promise<StudyDefinition> {
  const file = EXTENSION.test(name) ? name : await shippedFile(name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UserError(`--study ${file} cannot be read: ${(error as Error).message}`);
  }
  return parseStudy(text, file, overrides);
}

/** Names of the studies that come with the package. */
export async function studyNames(): Promise<string[]> {
  return (await readdir(shipped)).map(entry => entry.replace(EXTENSION, '')).sort();
}

async function shippedFile(name: string): Promise<string> {
  const names = await studyNames();
  if (names.includes(name)) return join(shipped, `${name}.yaml`);
  throw new UserError(
    `no study is called '${name}': did you mean ${closest(name, names)}? Valid are: ${names.join(', ')}, ` +
      'or the path of a .yaml file',
  );
}

export async function parseStudy(
  text: string,
  file: string,
  overrides: readonly string[] = [],
): Promise<StudyDefinition> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const place = (path: Path) => placeAt(file, lines, offsetOf(document, path));
  const [syntax] = document.errors;
  if (syntax) throw new UserError(`${placeAt(file, lines, syntax.pos[0])}: this is not YAML: ${syntax.message}`);
  const result = studySchema.safeParse(document.toJS(), { reportInput: true });
  if (!result.success) {
    const content: unknown = document.toJS();
    const faults = result.error.issues.flatMap(issue => describe(issue, content));
    throw new UserError(faults.map(({ path, message }) => `${place(path)}: ${field(path)}${message}`).join('\n'));
  }
  const { name = basename(file, extname(file)), metric, trials, sampler, pruner } = result.data;
  const parameters = Object.entries(result.data['search-space']);
  const recipe = await recipeOf(result.data.recipe, document, lines, text, file);
  const set = [
    ...Object.entries(result.data.set).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
    ...overrides,
  ];
  for (const [key, value] of Object.entries(result.data.set)) {
    const fault = recipeFault(recipe, [], key, [value]);
    if (fault !== undefined) throw new UserError(`${place(['set', key])}: ${field(['set', key])}${fault}`);
  }
  // What is wrong with these says so itself.
  parseRecipe(recipe.text, recipe.file, set);
  const faults = parameters.flatMap(([key, parameter]) => {
    const path = ['search-space', key];
    const fault =
      faultOf(parameter) ??
      (set.some(one => one.startsWith(`${key}=`)) ? 'it is set and searched at once: leave out one' : undefined) ??
      (sampler.name === 'grid' ? gridFault(parameter) : undefined) ??
      recipeFault(recipe, set, key, endsOf(parameter));
    return fault === undefined ? [] : [`${place(path)}: ${field(path)}${fault}`];
  });
  if (faults.length > 0) throw new UserError(faults.join('\n'));
  return {
    ...{ name, recipe, set, metric, sampler: samplerOf(sampler), pruner: prunerOf(pruner) },
    space: Object.fromEntries(parameters.map(([key, parameter]) => [key, distributionOf(parameter)])),
    grid: Object.fromEntries(
      parameters.flatMap(([key, parameter]) =>
        parameter.type !== 'categorical' && parameter.grid ? [[key, parameter.grid] as const] : [],
      ),
    ),
    ...(trials === undefined ? (sampler.name === 'grid' ? {} : { trials: DEFAULT_TRIALS }) : { trials }),
  };
}

const DEFAULT_TRIALS = 20;

type Path = readonly (string | number)[];

function placeAt(file: string, lines: LineCounter, offset: number): string {
  return `${file}, line ${lines.linePos(offset).line}`;
}

function field(path: Path): string {
  return path.length > 0 ? `${path.join('.')}: ` : '';
}

/** The text of the recipe that trials begin with, and where it stands. */
async function recipeOf(
  given: string | Record<string, unknown>,
  document: Document,
  lines: LineCounter,
  text: string,
  file: string,
): Promise<StudyDefinition['recipe']> {
  if (typeof given === 'string') {
    const isFile = EXTENSION.test(given);
    const named = isFile ? resolve(dirname(resolve(file)), given) : given;
    const recipe = await readRecipe(named);
    return { name: given, text: recipe.text, file: named };
  }
  // A part of this file, in its place, so that messages name the file's lines.
  const node = isMap(document.contents) ? document.contents.get('recipe', true) : undefined;
  const [start, end] = (isNode(node) && node.range) || [0, 0];
  const { line, col } = lines.linePos(start);
  const part = '\n'.repeat(line - 1) + ' '.repeat(col - 1) + text.slice(start, end);
  return { name: file, text: part, file: resolve(file) };
}

function gridFault(parameter: Parameter): string | undefined {
  if (parameter.type === 'categorical' || parameter.grid || Number.isFinite(countValues(distributionOf(parameter)))) {
    return undefined;
  }
  return 'a grid needs its values: give step, or grid: with a list of them';
}

/** What a trial may have at most and at least. */
function endsOf(parameter: Parameter): readonly Choice[] {
  if (parameter.type === 'categorical') return parameter.choices;
  return [parameter.low, parameter.high, ...(parameter.grid ?? [])];
}

/** What the recipe has against one of the values. */
function recipeFault(
  recipe: StudyDefinition['recipe'],
  set: readonly string[],
  key: string,
  values: readonly unknown[],
): string | undefined {
  for (const value of values) {
    try {
      parseRecipe(recipe.text, recipe.file, [...set, `${key}=${JSON.stringify(value)}`]);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return `${JSON.stringify(value)} is not possible: ${error.message}`;
    }
  }
  return undefined;
}

interface Fault {
  readonly path: Path;
  readonly message: string;
}

function describe(issue: z.core.$ZodIssue, content: unknown): Fault[] {
  const path = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    const valid = validAt(path, content);
    return issue.keys.map(key => ({
      path: [...path, key],
      message: `there is no such field; did you mean ${closest(key, valid)}? Valid are: ${valid.join(', ')}`,
    }));
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const { field: key, of } = kindsAt(path);
    return [
      {
        path: path.at(-1) === key ? path.slice(0, -1) : path,
        message: `${key} is one of ${Object.keys(of).join(', ')}`,
      },
    ];
  }
  if (issue.code === 'custom') return [{ path, message: issue.message }];
  if (issue.input === undefined) return [{ path, message: 'it is missing' }];
  return [{ path, message: `${issue.message} (given: ${JSON.stringify(issue.input)})` }];
}

function kindsAt([group]: Path): { field: string; of: Readonly<Record<string, z.ZodObject>> } {
  return kinds[group === 'search-space' ? 'parameter' : (group as 'sampler' | 'pruner')];
}

/** What may stand in the map at `path`. */
function validAt(path: Path, content: unknown): string[] {
  if (path.length === 0) return Object.keys(studySchema.shape);
  const { field: key, of } = kindsAt(path);
  const part = path.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], content);
  return Object.keys(of[String((part as Record<string, unknown>)[key])]?.shape ?? {});
}
