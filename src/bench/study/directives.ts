import { UserError } from '../../util/errors.js';

/** How one entry point of a reader's file is launched. */
export interface DispatchLine {
  readonly entry: string;
  /** Workgroups along x, y and z, as formulas. */
  readonly grid: readonly string[];
  readonly line: number;
}

/** A buffer between a file's own entry points, with the formula for its length in 4-byte values. */
export interface ScratchLine {
  readonly name: string;
  readonly length: string;
  readonly line: number;
}

/** What a reader's file says of its own launches, in comments that begin with `//!`. */
export interface Directives {
  /** In the order in which they run. */
  readonly dispatches: readonly DispatchLine[];
  readonly scratch: readonly ScratchLine[];
}

/**
 * Reads `//! dispatch (ceil(n / 8), m)`, each above the entry point that it launches, and `//! scratch name = 2 * c`.
 * @throws UserError, with the line, for what is neither
 */
export function readDirectives(file: string, text: string): Directives {
  const lines = text.split('\n');
  const dispatches: DispatchLine[] = [];
  const scratch: ScratchLine[] = [];
  lines.forEach((source, i) => {
    const directive = /^\s*\/\/!\s*(.*?)\s*$/.exec(source)?.[1];
    if (directive === undefined) return;
    const line = i + 1;
    const grid = /^dispatch\s*\((.*)\)$/.exec(directive)?.[1];
    const buffer = /^scratch\s+(\w+)\s*=\s*(.+)$/.exec(directive);
    if (grid !== undefined) {
      const below = lines
        .slice(line)
        .join('\n')
        .replace(/\/\/[^\n]*/g, '');
      const entry = /^\s*@compute[^{;]*?\bfn\s+(\w+)/.exec(below)?.[1];
      if (entry === undefined) throw new UserError(`${file}:${line}: no entry point follows this dispatch`);
      dispatches.push({ entry, grid: splitArguments(grid), line });
    } else if (buffer) {
      scratch.push({ name: buffer[1]!, length: buffer[2]!, line });
    } else {
      throw new UserError(`${file}:${line}: write '//! dispatch (x, y, z)' or '//! scratch name = length'`);
    }
  });
  return { dispatches, scratch };
}

/** Splits at the commas outside parentheses. */
function splitArguments(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const sign of text) {
    if (sign === '(') depth++;
    else if (sign === ')') depth--;
    if (sign === ',' && depth === 0) parts.push('');
    else parts.push((parts.pop() ?? '') + sign);
  }
  return parts.map(part => part.trim());
}
