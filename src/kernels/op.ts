import { formatShape, type Tensor } from '../tensor/index.js';

export type OpInputs = Readonly<Record<string, Tensor | undefined>>;
export type OpParams = Readonly<Record<string, unknown>>;

/**
 * An operation as the registry knows it: callable by named inputs and PyTorch's parameter names, so that one line serves
 * the tests' oracle, the goldens and the benches.
 */
export interface OpDefinition {
  /** The shader file under `shaders/`. */
  readonly shader: string;
  /** Input names in order; a trailing `?` marks one that may be absent. */
  readonly inputs: readonly string[];
  readonly run: (inputs: OpInputs, params: OpParams) => Tensor | Readonly<Record<string, Tensor>>;
}

/** Thrown where shapes do not suit an operation. The message names the operation, the shapes and the fix. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** Throws a ShapeError that names the op, the shapes and the fix. */
export function requireShape(
  condition: boolean,
  op: string,
  fix: string,
  ...tensors: readonly Tensor[]
): asserts condition {
  if (!condition) {
    throw new ShapeError(`${op}: ${fix}; given ${tensors.map(tensor => formatShape(tensor.shape)).join(' and ')}`);
  }
}

/** PyTorch's size arguments: one number for both directions, or (vertical, horizontal). */
export type Pair = number | readonly [number, number];

export function pair(value: Pair): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

export function requireInteger(op: string, name: string, value: Pair, least: number): void {
  for (const v of pair(value)) {
    if (!Number.isInteger(v) || v < least) {
      throw new ShapeError(`${op}: ${name} is a whole number of at least ${least}, not ${v}`);
    }
  }
}
