/** A formula that cannot be evaluated; the message says why. */
export class FormulaError extends Error {
  override readonly name = 'FormulaError';
}

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  max: Math.max,
  min: Math.min,
};

/**
 * The value of a formula of numbers, names, `+ - * /`, parentheses, ceil, floor, min and max. Division is exact, not that of
 * whole numbers: grids are written ceil(n / 8).
 * @throws FormulaError for anything else
 */
export function evaluate(formula: string, names: ReadonlyMap<string, number>): number {
  // WGSL's suffixes of numbers are let through, so that constants can be read as they stand.
  const tokens = formula.match(/\d+(?:\.\d+)?[uif]?|\w+|[^\s]/g) ?? [];
  let at = 0;
  const take = (sign: string) => {
    if (tokens[at] !== sign)
      throw new FormulaError(`'${formula}': '${sign}' is missing before '${tokens[at] ?? 'the end'}'`);
    at++;
  };
  const primary = (): number => {
    const token = tokens[at++];
    if (token === undefined) throw new FormulaError(`'${formula}' ends too early`);
    if (/^\d/.test(token)) return parseFloat(token);
    if (token === '-') return -primary();
    if (token === '(') {
      const value = sum();
      take(')');
      return value;
    }
    const call = Object.hasOwn(FUNCTIONS, token) ? FUNCTIONS[token] : undefined;
    if (call && tokens[at] === '(') {
      const values: number[] = [];
      do {
        at++;
        values.push(sum());
      } while (tokens[at] === ',');
      take(')');
      return call(...values);
    }
    const value = names.get(token);
    if (value !== undefined) return value;
    throw new FormulaError(`'${formula}': '${token}' is unknown; known are ${[...names.keys()].join(', ')}`);
  };
  const product = (): number => {
    let value = primary();
    while (tokens[at] === '*' || tokens[at] === '/')
      value = tokens[at++] === '*' ? value * primary() : value / primary();
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (tokens[at] === '+' || tokens[at] === '-')
      value = tokens[at++] === '+' ? value + product() : value - product();
    return value;
  };
  const value = sum();
  if (at < tokens.length) throw new FormulaError(`'${formula}': '${tokens[at]!}' is not expected`);
  return value;
}
