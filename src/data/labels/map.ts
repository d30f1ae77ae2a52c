import { UserError } from '../../util/errors.js';
import type { LabelledImage } from './image.js';
import { LABEL_SPACES, sameExpression } from './spaces.js';

/** Which class each class becomes; undefined: its images are left out. */
export interface LabelMap {
  readonly classes: readonly string[];
  readonly to: readonly (number | undefined)[];
}

/**
 * The map that `--map-labels` means for a data set of `classes`: the name of a label space, in which each class finds the one
 * that means the same, or pairs `from=to` between commas, with `-` for classes that are left out; classes that no pair names
 * stay. With pairs the new classes keep the order in which they come up among the old ones.
 *
 * @throws {UserError} for a name that is none, or a map that leaves fewer than two classes
 */
export function parseLabelMap(text: string, classes: readonly string[]): LabelMap {
  const map = text.includes('=') ? mapOfPairs(text, classes) : mapToSpace(text, classes);
  const used = new Set(map.to.filter(id => id !== undefined));
  if (used.size < 2) {
    throw new UserError(`--map-labels ${text}: of ${classes.join(', ')} it leaves fewer than two classes`);
  }
  return map;
}

function mapToSpace(name: string, classes: readonly string[]): LabelMap {
  const space = Object.hasOwn(LABEL_SPACES, name) ? LABEL_SPACES[name] : undefined;
  if (!space) {
    const known = Object.keys(LABEL_SPACES).join(', ');
    throw new UserError(`--map-labels ${name}: give one of ${known}, or pairs such as happiness=happy,contempt=-`);
  }
  const to = classes.map(old => {
    const id = space.findIndex(word => sameExpression(word, old));
    return id < 0 ? undefined : id;
  });
  return { classes: space, to };
}

function mapOfPairs(text: string, classes: readonly string[]): LabelMap {
  const targets = [...classes];
  const named = new Set<number>();
  for (const pair of text.split(',')) {
    const [from, to, ...more] = pair.split('=').map(part => part.trim());
    if (!from || !to || more.length > 0) {
      throw new UserError(
        `--map-labels: ${JSON.stringify(pair)} is no pair; write old=new, or old=- to leave a class out`,
      );
    }
    const id = classes.findIndex(name => name.toLowerCase() === from.toLowerCase());
    if (id < 0) throw new UserError(`--map-labels: there is no class ${from}; there are ${classes.join(', ')}`);
    if (named.has(id)) throw new UserError(`--map-labels: ${from} is mapped twice`);
    named.add(id);
    targets[id] = to;
  }
  const kept = [...new Set(targets.filter(name => name !== '-'))];
  return { classes: kept, to: targets.map(name => (name === '-' ? undefined : kept.indexOf(name))) };
}

/**
 * Images under a map. A soft target's share of a class that is left out goes to the others in proportion; an image whose own
 * label is left out goes.
 */
export function mapLabels(images: readonly LabelledImage[], { classes, to }: LabelMap): LabelledImage[] {
  const mapped: LabelledImage[] = [];
  for (const image of images) {
    const label = to[image.label];
    if (label === undefined) continue;
    if (image.target === undefined) {
      mapped.push({ ...image, label });
      continue;
    }
    const target = classes.map(() => 0);
    image.target.forEach((share, old) => {
      const id = to[old];
      if (id !== undefined) target[id]! += share;
    });
    const total = target.reduce((sum, share) => sum + share, 0);
    // Classes that become one may together outweigh the first of the largest.
    mapped.push({ ...image, target: target.map(share => share / total), label: target.indexOf(Math.max(...target)) });
  }
  return mapped;
}

/**
 * The map that keeps the classes `keep` and leaves out the others. Classes stay in the data set's order, so that the same
 * subset has the same ids however it is asked for.
 *
 * @throws {UserError} for a name that is no class
 */
export function keepClasses(keep: readonly string[], classes: readonly string[]): LabelMap {
  const kept = new Set(
    keep.map(name => {
      const found = classes.find(known => known.toLowerCase() === name.toLowerCase());
      if (found === undefined) {
        throw new UserError(`--classes-keep: there is no class ${name}; there are ${classes.join(', ')}`);
      }
      return found;
    }),
  );
  if (kept.size < 2) throw new UserError('--classes-keep needs two classes or more');
  const left = classes.filter(name => kept.has(name));
  return { classes: left, to: classes.map(name => (kept.has(name) ? left.indexOf(name) : undefined)) };
}
