import { UserError } from '../../util/errors.js';
import { columnOf, type Column, type Value } from './columns.js';
import type { RunEntry } from './entry.js';

const OPERATORS = ['<=', '>=', '!=', '=', '<', '>'] as const;
type Operator = (typeof OPERATORS)[number];

/**
 * A condition on a run: `<column><operator><value>` with one of = != < <= > >=, such as `model=mini-*`, `val_accuracy>60%`,
 * `lr<1e-3`, `created>=2026-03`. Texts are compared by pattern (`*` any characters, `?` one), whatever the case; times by as much
 * as is given. A run without a value meets `!=`, and `=` of nothing.
 * @throws UserError where that is none, or compares a text by size
 */
export function parseFilter(text: string): (run: RunEntry) => boolean {
  const match = /^\s*([\w.-]+)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*$/.exec(text);
  if (!match) {
    throw new UserError(
      `--filter ${text}: expected a column, one of ${OPERATORS.join(' ')}, and a value, as in lr<1e-3`,
    );
  }
  const column = columnOf(match[1]!);
  const operator = (match[2] === '==' ? '=' : match[2]!) as Operator;
  const wanted = match[3]!;
  if (operator === '=' || operator === '!=') {
    const equals = equality(wanted);
    return run => equals(column.of(run)) === (operator === '=');
  }
  const compare = comparison(column, wanted, text);
  return run => {
    const order = compare(column.of(run));
    if (order === undefined) return false;
    if (order === 0) return operator === '<=' || operator === '>=';
    return operator.startsWith('<') === order < 0;
  };
}

function equality(wanted: string): (value: Value) => boolean {
  const number = numberOf(wanted);
  const pattern = globOf(wanted);
  return value => {
    if (value === undefined) return wanted === '';
    return typeof value === 'number' && number !== undefined ? value === number : pattern.test(String(value));
  };
}

/** Below 0, 0 or above 0 as a value is below, at or above the one that is `wanted`; undefined where they do not compare. */
function comparison({ kind }: Column, wanted: string, filter: string): (value: Value) => number | undefined {
  if (kind === 'time') {
    if (!/^\d{4}(-\d\d(-\d\d(T.*)?)?)?$/.test(wanted)) {
      throw new UserError(`--filter ${filter}: ${wanted || 'nothing'} is no time; give one such as 2026-03-31`);
    }
    return value => {
      const known = String(value).slice(0, wanted.length);
      return known < wanted ? -1 : known > wanted ? 1 : 0;
    };
  }
  const number = numberOf(wanted);
  if (kind === 'text' || number === undefined) {
    const fault = kind === 'text' ? 'a text has no size' : `${wanted || 'nothing'} is no number`;
    throw new UserError(`--filter ${filter}: ${fault}; = and != compare texts, with * for any characters`);
  }
  return value => (typeof value === 'number' ? value - number : undefined);
}

/** A number, also in per cent. */
function numberOf(text: string): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%?)$/i.exec(text);
  if (!match) return undefined;
  return match[2] ? Number(match[1]) / 100 : Number(match[1]);
}

function globOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/[$()*+.?[\\\]^{|}]/g, character =>
    character === '*' ? '[^]*' : character === '?' ? '[^]' : `\\${character}`,
  );
  return new RegExp(`^${source}$`, 'i');
}
