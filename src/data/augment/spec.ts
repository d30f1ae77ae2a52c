import { closest } from 'fastest-levenshtein';
import type * as z from 'zod';
import { UserError } from '../../util/errors.js';
import { stepsOf, TRANSFORM_NAMES, transformSchemas, type AugmentEntry, type AugmentSpec } from './transforms.js';

/** Entries at most: the draws of each have a range of counters of their own (draw.ts). */
const MOST_ENTRIES = 60;
/** What people may call histogram equalisation, which is an option of the data. */
const EQUALISATION = /^(random[-_]?)?(hist(ogram)?[-_]?)?(equali[sz]e|equali[sz]ation)$/i;

/**
 * Checks a spec as people write it, such as `[{ affine: { degrees: 10 } }, 'horizontal-flip']`, and fills in what is left
 * out. A spec that was resolved before comes out as it is.
 *
 * @param where for messages, such as `--augment`
 * @throws {UserError} that names every wrong entry and field
 */
export function resolveSpec(given: unknown, where = 'augment'): AugmentSpec {
  if (!Array.isArray(given)) {
    throw new UserError(
      `${where}: give a list of transforms, such as [{horizontal-flip: {p: 0.5}}], not ${show(given)}`,
    );
  }
  if (given.length > MOST_ENTRIES)
    throw new UserError(`${where}: at most ${MOST_ENTRIES} entries, not ${given.length}`);
  const faults: string[] = [];
  const entries = given.flatMap((entry: unknown, index) => resolveEntry(entry, index, faults));
  if (faults.length === 0) faults.push(...faultsOfOrder(entries));
  if (faults.length > 0) throw new UserError([`${where}:`, ...faults].join('\n  '));
  return entries;
}

function resolveEntry(entry: unknown, index: number, faults: string[]): AugmentEntry[] {
  const place = `entry ${index + 1}`;
  const named = typeof entry === 'string' ? { [entry]: {} } : entry;
  if (typeof named !== 'object' || named === null || Array.isArray(named) || Object.keys(named).length !== 1) {
    faults.push(`${place}: give one transform, such as {affine: {degrees: 10}}, not ${show(entry)}`);
    return [];
  }
  const [given, options] = Object.entries(named)[0]! as [string, unknown];
  const name = TRANSFORM_NAMES.find(valid => valid === given);
  if (!name) {
    if (EQUALISATION.test(given)) {
      faults.push(
        `${place}: ${given} is no transform: it is done once, when images are packed; give --equalize instead`,
      );
      return [];
    }
    faults.push(`${place}: there is no transform ${given}; ${choice(given, TRANSFORM_NAMES)}`);
    return [];
  }
  const schema = transformSchemas[name];
  const result = schema.safeParse(options ?? {}, { reportInput: true });
  if (result.success) return [{ [name]: result.data } as AugmentEntry];
  const fields = Object.keys(schema.shape);
  for (const issue of result.error.issues) faults.push(...describe(issue, `${place} (${name})`, fields));
  return [];
}

function describe(issue: z.core.$ZodIssue, place: string, fields: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => `${place}: there is no option ${key}; ${choice(key, fields)}`);
  }
  const path = issue.path.map(String).join('.');
  const given = issue.input === undefined ? 'it is missing' : `given: ${show(issue.input)}`;
  return [`${place}${path === '' ? '' : `: ${path}`}: ${issue.message} (${given})`];
}

/** What goes wrong between entries that are right in themselves. */
function faultsOfOrder(spec: AugmentSpec): string[] {
  const steps = stepsOf(spec);
  const isMix = ({ name }: { name: string }) => name === 'mixup' || name === 'cutmix';
  const faults: string[] = [];
  for (const name of ['mixup', 'cutmix']) {
    if (steps.filter(step => step.name === name).length > 1) faults.push(`${name} stands in it more than once`);
  }
  const firstMix = steps.findIndex(isMix);
  const late = firstMix < 0 ? undefined : steps.slice(firstMix).find(step => !isMix(step));
  if (late)
    faults.push(
      `entry ${late.index + 1} (${late.name}) comes after ${steps[firstMix]!.name}, which mixes finished images`,
    );
  for (const phase of ['train', 'test'] as const) {
    const crops = steps.filter(
      step => (step.name === 'five-crop' || step.name === 'ten-crop') && [phase, 'both'].includes(step.options.at),
    );
    if (crops.length > 1) {
      const places = crops.map(({ name, index }) => `entry ${index + 1} (${name})`).join(' and ');
      faults.push(`${places} are both for ${phase}: only one of them can cut an image into several`);
    }
    if (phase === 'train' && crops.length > 0 && firstMix >= 0) {
      faults.push(
        `${steps[firstMix]!.name} would mix the crops of one image; give ${crops[0]!.name} the option at: test`,
      );
    }
  }
  return faults;
}

function choice(given: string, valid: readonly string[]): string {
  return `did you mean ${closest(given.toLowerCase(), [...valid])}? Valid are: ${valid.join(', ')}`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? String(value) : text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
