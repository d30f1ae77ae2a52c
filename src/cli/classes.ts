import { InvalidArgumentError } from 'commander';

/** `--classes`: how many there are, or their names between commas. */
export function parseClasses(text: string): number | string[] {
  if (/^\d+$/.test(text)) {
    const count = Number(text);
    if (count >= 2) return count;
  } else {
    const names = text.split(',').map(name => name.trim());
    if (names.length >= 2 && names.every(Boolean) && new Set(names).size === names.length) return names;
  }
  throw new InvalidArgumentError('Give a number of 2 or more, or two or more different names between commas.');
}
