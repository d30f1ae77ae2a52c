import { dirname, resolve } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { isCollection, isMap, isNode, LineCounter, parseDocument, type Document } from 'yaml';
import type * as z from 'zod';
import { UserError } from '../../util/errors.js';
import { stageSchema } from '../stage.js';
import type { TrainOptions } from '../types.js';
import { jointFields, jointPaths } from './joint.js';
import { optionPlaces, pathOptions, places, recipeSchema, reportedSchema, type About } from './layout.js';

/** What a recipe says. */
export interface RecipeContent {
  readonly about?: About;
  /** The options that it names; the rest has the defaults of a new run. */
  readonly options: Partial<TrainOptions>;
}

type Groups = Record<string, unknown>;

/** A field that was changed from outside: `--set optimizer.lr=0.01`. */
interface Override {
  readonly text: string;
  readonly place: string;
  /** Undefined where the field is taken away. */
  readonly value: unknown;
}

/**
 * Reads the text of a recipe.
 *
 * @param file for messages, and the place from which its paths count
 * @param overrides `place=value`, in order; values are YAML, and `null` takes a field away
 * @throws {UserError} that names line and field of everything that is wrong
 */
export function parseRecipe(text: string, file: string, overrides: readonly string[] = []): RecipeContent {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => `${file}, line ${lines.linePos(offset).line}`;
  const [syntax] = document.errors;
  if (syntax) throw new UserError(`${lineAt(syntax.pos[0])}: this is not YAML: ${syntax.message}`);
  const changes = overrides.map(parseOverride);
  const content: unknown = document.toJS();
  if (isGroups(content)) {
    resolvePaths(content, dirname(resolve(file)));
    for (const change of changes) apply(content, change);
  }
  const result = recipeSchema.safeParse(content, { reportInput: true });
  if (result.success) return contentOf(result.data);
  const faults = result.error.issues
    .flatMap(issue => describe(issue))
    .map(({ path, message }) => {
      const change = changes.findLast(({ place }) => place === path.slice(0, 2).join('.'));
      const where = change ? `--set ${change.text}` : lineAt(offsetOf(document, path));
      return `${where}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`;
    });
  throw new UserError(faults.join('\n'));
}

function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UserError(`--set ${text}: write a field and its value, such as optimizer.lr=0.01`);
  const place = text.slice(0, equals).trim();
  const known: string[] = Object.values(places);
  if (!known.includes(place)) {
    throw new UserError(`--set ${text}: a recipe has no field ${place}; ${suggestPlace(place, known)}`);
  }
  const given = text.slice(equals + 1);
  if (given.trim() === '') throw new UserError(`--set ${text}: give a value, or null to take the field away`);
  const document = parseDocument(given, { prettyErrors: false });
  const [fault] = document.errors;
  if (fault) throw new UserError(`--set ${text}: the value is not YAML: ${fault.message}`);
  const value: unknown = document.toJS();
  const isPath = pathOptions.some(key => places[key] === place);
  return { text, place, value: value === null ? undefined : isPath ? absolute(value, '.') : value };
}

function suggestPlace(place: string, known: readonly string[]): string {
  const [group, field = group] = place.split('.') as [string, string?];
  const siblings = known.filter(one => one.startsWith(`${group}.`));
  if (siblings.length > 0) return `did you mean ${closest(place, siblings)}? Valid are: ${siblings.join(', ')}`;
  // People forget the group, or how it is spelt: what counts is the field.
  const fieldOf = (one: string) => one.slice(one.indexOf('.') + 1);
  const nearest = closest(field, known.map(fieldOf));
  return `did you mean ${known.find(one => fieldOf(one) === nearest)!}? \`facegrad recipes vgg-fer\` shows the form`;
}

function apply(content: Groups, { place, value }: Override): void {
  const [name, field] = place.split('.') as [string, string];
  const group = content[name] ?? (content[name] = {});
  // A group that is none is found by the check.
  if (!isGroups(group)) return;
  if (value === undefined) Reflect.deleteProperty(group, field);
  else group[field] = value;
}

function resolvePaths(content: Groups, folder: string): void {
  for (const key of pathOptions) {
    const [name, field] = places[key].split('.') as [string, string];
    const group = content[name];
    if (isGroups(group) && field in group) group[field] = absolute(group[field], folder);
  }
  const joint = isGroups(content.data) ? content.data.joint : undefined;
  if (isGroups(joint))
    for (const field of jointPaths) if (field in joint) joint[field] = absolute(joint[field], folder);
}

function absolute(path: unknown, folder: string): unknown {
  return typeof path === 'string' && path !== '' && path !== 'synthetic' ? resolve(folder, path) : path;
}

function isGroups(value: unknown): value is Groups {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function contentOf(checked: z.infer<typeof recipeSchema>): RecipeContent {
  const groups = checked as Record<string, Groups | undefined>;
  const options = optionPlaces().flatMap(([key, place]) => {
    const [group, field] = place.split('.') as [string, string];
    const value = groups[group]?.[field];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { options: Object.fromEntries(options), ...(checked.about ? { about: checked.about } : {}) };
}

interface Fault {
  /** Keys from the top; numbers are places in a list. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function describe(issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    const valid = validAt(path);
    return issue.keys.map(key => ({
      path: [...path, key],
      message: `there is no such field; did you mean ${closest(key, valid)}? Valid are: ${valid.join(', ')}`,
    }));
  }
  if (issue.input === undefined) return [{ path, message: 'it is missing' }];
  const given = JSON.stringify(issue.input);
  if (issue.code === 'invalid_value' && typeof issue.input === 'string') {
    const valid = issue.values.map(String);
    return [{ path, message: `${given}: did you mean ${closest(issue.input, valid)}? Valid are: ${valid.join(', ')}` }];
  }
  return [{ path, message: issue.code === 'custom' ? issue.message : `${issue.message} (given: ${given})` }];
}

/** What may stand in the map at `path`. */
function validAt([group, field]: readonly (string | number)[]): string[] {
  const groups = recipeSchema.shape as Record<string, z.ZodType>;
  if (group === undefined) return Object.keys(groups);
  if (field === 'stages') return Object.keys(stageSchema.shape);
  if (field === 'joint') return jointFields;
  if (field === 'reported') return Object.keys(reportedSchema.shape);
  const schema = groups[group] as z.ZodObject | z.ZodExactOptional<z.ZodObject>;
  return Object.keys(('shape' in schema ? schema : schema.unwrap()).shape);
}

/** Where `path` is written, or the nearest thing around it. */
export function offsetOf(document: Document, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = rangeOf(node) ?? 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isNode(item.key) && String(item.key) === String(key));
      offset = rangeOf(pair?.key) ?? offset;
      node = pair?.value;
    } else if (isCollection(node)) {
      node = node.get(key, true);
      offset = rangeOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function rangeOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
