import { closest, distance } from 'fastest-levenshtein';

/** `did you mean x?` and all valid names, for a message about a name that is not one of them. */
export function suggestion(given: string, valid: readonly string[]): string {
  const nearest = closest(given.toLowerCase(), [...valid]);
  const near = distance(given.toLowerCase(), nearest) <= Math.max(2, Math.floor(nearest.length / 2));
  return `${near ? `did you mean ${nearest}? ` : ''}Valid are: ${valid.join(', ')}`;
}
