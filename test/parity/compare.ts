/** Comparison of numbers with a golden's, and what is said about a difference. */
import { unravel } from '../reference/tensor.js';

/** The worst element of one quantity: `excess` is its error over what is allowed, so above 1 is a failure. */
export interface Deviation {
  quantity: string;
  excess: number;
  /** Where and what, for a person. */
  message: string;
  /** What a person should know of a quantity that agrees. */
  note?: string;
}

/** How far element `i` of the golden may be off (absolute). */
export type Allowed = (expected: number, i: number) => number;

/** Operations and their gradients: |a-b| <= 1e-4 max|b| + 1e-5, the maximum over the golden's tensor. */
export function opTolerance(expected: ArrayLike<number>): Allowed {
  const allowed = 1e-4 * largest(expected) + 1e-5;
  return () => allowed;
}

/** |a-b| <= relative * max|b|: for tensors computed in float32, whose elements near zero have no digits of their own. */
export function relativeToLargest(expected: ArrayLike<number>, relative: number): Allowed {
  const allowed = relative * largest(expected);
  return () => allowed;
}

/** |a-b| <= relative * |b|, element by element, with a floor at the noise of float64 around an exact zero. */
export function relativeEach(relative: number): Allowed {
  return expected => relative * Math.abs(expected) + 1e-12;
}

/** Compares a tensor; coordinates in the message are those of `shape`. */
export function compare(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
  allowed: Allowed,
): Deviation {
  if (actual.length !== expected.length) {
    return differs(quantity, `${actual.length} values, expected ${expected.length}`);
  }
  let worst = { i: 0, error: 0, excess: 0, limit: 0 };
  for (let i = 0; i < expected.length; i++) {
    const limit = allowed(expected[i]!, i);
    const error = Object.is(actual[i], expected[i]) ? 0 : Math.abs(actual[i]! - expected[i]!);
    // NaN compares false with everything: a number that is none, on either side, is a failure.
    const excess = error === 0 ? 0 : Number.isNaN(error) ? Infinity : error / limit;
    if (excess > worst.excess) worst = { i, error, excess, limit };
  }
  const { i, error, excess, limit } = worst;
  const place = `at [${unravel(i, shape).join(', ')}]: got ${actual[i] ?? 'nothing'}, expected ${expected[i] ?? 'nothing'}`;
  return { quantity, excess, message: `largest error ${short(error)} ${place}, allowed ${short(limit)}` };
}

/** Compares two shapes, lists of names or other things that are equal or not. */
export function same(quantity: string, actual: unknown, expected: unknown): Deviation {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got === wanted) return { quantity, excess: 0, message: 'equal' };
  return differs(quantity, `got ${got}, expected ${wanted}`);
}

/** A difference that no tolerance covers. */
export function differs(quantity: string, message: string): Deviation {
  return { quantity, excess: Infinity, message };
}

/** ||a-b|| / ||b|| against `relative`; the place named is that of the largest element of a-b. */
export function compareNorm(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  shape: readonly number[],
  relative: number,
): Deviation {
  const elementwise = compare(quantity, actual, expected, shape, () => 1);
  if (actual.length !== expected.length) return elementwise;
  const difference = Float64Array.from(expected, (value, i) => actual[i]! - value);
  const error = norm(difference) / norm(expected);
  const excess = Number.isNaN(error) ? Infinity : error / relative;
  const place = elementwise.message.replace(/, allowed .*/, '');
  return { quantity, excess, message: `relative L2 error ${short(error)}, allowed ${short(relative)}; ${place}` };
}

export function norm(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! ** 2;
  return Math.sqrt(squares);
}

function largest(values: ArrayLike<number>): number {
  let result = 0;
  for (let i = 0; i < values.length; i++) result = Math.max(result, Math.abs(values[i]!));
  return result;
}

function short(value: number): string {
  return value.toPrecision(3);
}
