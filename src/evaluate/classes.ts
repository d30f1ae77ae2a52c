import { UserError } from '../util/errors.js';

/**
 * The names of the classes in a report, after making sure that a label of the data means to the weights what it means
 * to the data. `asked`: what --classes says of the weights; `trained`: what their own file says, where it says anything.
 * @throws UserError where there are not as many, or where they have other names and --classes is silent
 */
export function matchClasses(
  asked: number | readonly string[] | undefined,
  trained: readonly string[] | undefined,
  data: readonly string[],
): readonly string[] {
  const known = asked ?? trained ?? data;
  const count = typeof known === 'number' ? known : known.length;
  const list = typeof known === 'number' ? '' : ` (${known.join(', ')})`;
  if (count !== data.length) {
    throw new UserError(
      `the weights tell ${count} classes apart${list}, the data has ${data.length}: ${data.join(', ')}`,
    );
  }
  if (asked === undefined && trained?.some((name, i) => name !== data[i])) {
    throw new UserError(
      `the weights were trained on the classes ${trained.join(', ')}, the data has ${data.join(', ')}; ` +
        `where they mean the same in the same order, say so with --classes ${count}`,
    );
  }
  return typeof known === 'number' ? data : known;
}
