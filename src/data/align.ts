import { UserError } from '../util/errors.js';
import { SPLIT_NAMES, titleOf, type DataSet, type Split } from './dataset.js';
import { fingerprintOf } from './fingerprint.js';
import { LABEL_SPACES, sameExpression } from './labels/spaces.js';

/** The class of `classes` that `name` means: itself, or another word for the same expression; -1 where there is none. */
export function classMeaning(name: string, classes: readonly string[]): number {
  const exact = classes.indexOf(name);
  return exact >= 0 ? exact : classes.findIndex(one => sameExpression(one, name));
}

/**
 * `data` with the classes of another data set or network, by name: labels and targets get its ids. Nothing is left out: the
 * classes have to be the same ones, in whatever order and by whatever usual word.
 *
 * @param of whose classes they are, for messages
 * @throws {UserError} where one of either side has no counterpart
 */
export function alignClasses(data: DataSet, classes: readonly string[], of: string): DataSet {
  const { classes: own, splits } = data;
  if (own.length === classes.length && own.every((name, i) => name === classes[i])) return data;
  const to = own.map(name => classMeaning(name, classes));
  const foreign = own.filter((_, id) => to[id]! < 0);
  const missing = classes.filter((_, id) => !to.includes(id));
  if (foreign.length > 0 || missing.length > 0 || new Set(to).size < to.length) {
    throw new UserError(
      `${titleOf(data)} has the classes ${own.join(', ')}; ${of} has ${classes.join(', ')}. ` +
        `Without counterpart: ${[...foreign, ...missing].join(', ') || 'two that mean the same'}; ${mapHint(own, classes)}`,
    );
  }
  const align = ({ labels, targets, ...rest }: Split): Split => ({
    ...rest,
    labels: labels.map(label => to[label]!),
    ...(targets ? { targets: alignTargets(targets, to) } : {}),
  });
  const [train, val, test] = SPLIT_NAMES.map(name => align(splits[name])) as [Split, Split, Split];
  const content = { ...data, classes, splits: { train, val, test } };
  return { ...content, fingerprint: fingerprintOf(content) };
}

function alignTargets(targets: Float32Array, to: readonly number[]): Float32Array {
  const classes = to.length;
  const out = new Float32Array(targets.length);
  targets.forEach((share, i) => (out[i - (i % classes) + to[i % classes]!] = share));
  return out;
}

/** What to write to bring `own` to `classes`. */
function mapHint(own: readonly string[], classes: readonly string[]): string {
  const space = labelSpaceOf(classes);
  if (space !== undefined) return `--map-labels ${space} takes those classes, and leaves others out`;
  const pairs = own.map(name => `${name}=${classes[classMeaning(name, classes)] ?? '-'}`);
  return `bring them together with --map-labels, such as ${pairs.join(',')}`;
}

/** The label space that consists of these classes in this order, where there is one. */
export function labelSpaceOf(classes: readonly string[]): string | undefined {
  const found = Object.entries(LABEL_SPACES).find(
    ([, names]) => names.length === classes.length && names.every((name, i) => name === classes[i]),
  );
  return found?.[0];
}
