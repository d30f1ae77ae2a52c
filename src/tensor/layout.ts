/**
 * Logical order is PyTorch's; in memory dimension 1 of a four-dimensional tensor is innermost: images (N,C,H,W) lie as
 * (N,H,W,C), convolution weights (O,I,H,W) as (O,H,W,I). Only operations and this file know.
 */

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as messages show it: `(2, 3)`. */
export function formatShape(shape: readonly number[]): string {
  return `(${shape.join(', ')})`;
}

/** Whether two shapes have the same sizes in the same order. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The logical axes in the order in which they lie in memory, outermost first. */
export function physicalAxes(rank: number): readonly number[] {
  return rank === 4 ? [0, 2, 3, 1] : Array.from({ length: rank }, (_, i) => i);
}

/** Element strides in memory, by logical axis. */
export function physicalStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let stride = 1;
  for (const axis of [...physicalAxes(shape.length)].reverse()) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

type Typed = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

function permuted<T extends Typed>(data: T, n: number, rows: number, columns: number): T {
  const out = data.slice() as T;
  for (let i = 0; i < n; i++) {
    const base = i * rows * columns;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) out[base + c * rows + r] = data[base + r * columns + c]!;
    }
  }
  return out;
}

/** Host values from PyTorch's order to the order in memory. */
export function toPhysical<T extends Typed>(data: T, shape: readonly number[]): T {
  if (shape.length !== 4) return data;
  const [n, c, h, w] = shape as [number, number, number, number];
  return c === 1 || h * w === 1 ? data : permuted(data, n, c, h * w);
}

/** Host values from the order in memory to PyTorch's order. */
export function fromPhysical<T extends Typed>(data: T, shape: readonly number[]): T {
  if (shape.length !== 4) return data;
  const [n, c, h, w] = shape as [number, number, number, number];
  return c === 1 || h * w === 1 ? data : permuted(data, n, h * w, c);
}
