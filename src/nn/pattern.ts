/**
 * Picks parameters by their dotted names. A string is a glob, in which `*` stands for any run of characters and `?` for
 * one, dots included; it takes a parameter whose name it matches, and all parameters of a module whose name it matches
 * (`layer4` takes `layer4.0.conv1.weight`). A regular expression may match anywhere in the name. Of several patterns one
 * is enough.
 */
export type Pattern = string | RegExp | readonly (string | RegExp)[];

/** Whether `pattern` takes the parameter called `name`. */
export function matches(pattern: Pattern, name: string): boolean {
  if (typeof pattern === 'string') return globExpression(pattern).test(name);
  // search, unlike test, does not go on from the last match of a global expression.
  if (pattern instanceof RegExp) return name.search(pattern) >= 0;
  return pattern.some(one => matches(one, name));
}

function globExpression(glob: string): RegExp {
  const body = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${body}(\\..*)?$`);
}
