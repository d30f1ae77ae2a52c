/**
 * The oracle's tensor and operations: plain float64 loops, row-major in PyTorch's order (NCHW, OIHW), written to be
 * checked by eye, not to be fast.
 */

export interface RefTensor {
  shape: number[];
  data: Float64Array;
}

export type RefTensors = Record<string, RefTensor>;
export type RefParams = Record<string, unknown>;

export interface Reference {
  /** The operation's name in the goldens. */
  readonly name: string;
  readonly forward: (inputs: RefTensors, params: RefParams) => RefTensor;
  /** Gradients of sum(forward * dy), one for every input, in the input's shape. */
  readonly backward: (inputs: RefTensors, params: RefParams, dy: RefTensor) => RefTensors;
}

export function count(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function zeros(shape: readonly number[]): RefTensor {
  return { shape: [...shape], data: new Float64Array(count(shape)) };
}

export function tensor(shape: readonly number[], values: ArrayLike<number>): RefTensor {
  if (values.length !== count(shape)) throw new Error(`${values.length} values for the shape [${shape.join(', ')}]`);
  return { shape: [...shape], data: Float64Array.from(values) };
}

export function map(x: RefTensor, fn: (value: number, index: number) => number): RefTensor {
  return { shape: [...x.shape], data: x.data.map(fn) };
}

/** The coordinates of a row-major index. */
export function unravel(index: number, shape: readonly number[]): number[] {
  const at = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = index % shape[axis]!;
    index = Math.floor(index / shape[axis]!);
  }
  return at;
}

/** The row-major index of coordinates; along axes of size 1 any coordinate is the only one (broadcasting). */
export function ravel(at: readonly number[], shape: readonly number[]): number {
  return shape.reduce((index, size, axis) => index * size + (size === 1 ? 0 : at[axis]!), 0);
}

/** An input that must be there. */
export function input(inputs: RefTensors, name: string): RefTensor {
  const x = inputs[name];
  if (!x) throw new Error(`reference: input '${name}' is missing`);
  return x;
}

/** A parameter given as one number for both spatial axes or as a pair, as PyTorch takes them. */
export function pair(value: unknown, byDefault: number): [number, number] {
  if (value === undefined) return [byDefault, byDefault];
  if (typeof value === 'number') return [value, value];
  return value as [number, number];
}
