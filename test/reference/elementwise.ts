import { input, map, ravel, unravel, zeros, type Reference, type RefTensor } from './tensor.js';

/** y = value(x), elementwise; `slope` is its derivative. */
function unary(name: string, value: (x: number) => number, slope: (x: number) => number): Reference {
  return {
    name,
    forward: inputs => map(input(inputs, 'input'), x => value(x)),
    backward: (inputs, _, dy) => ({ input: map(dy, (g, i) => g * slope(input(inputs, 'input').data[i]!)) }),
  };
}

/** The gradient at 0 is 0, as PyTorch's; so is that of `abs`. */
export const relu = unary(
  'relu',
  x => Math.max(x, 0),
  x => Number(x > 0),
);
export const abs = unary('abs', Math.abs, Math.sign);
export const neg = unary(
  'neg',
  x => -x,
  () => -1,
);
export const exp = unary('exp', Math.exp, Math.exp);
export const log = unary('log', Math.log, x => 1 / x);
export const sqrt = unary('sqrt', Math.sqrt, x => 0.5 / Math.sqrt(x));
export const square = unary(
  'square',
  x => x * x,
  x => 2 * x,
);

/** y = x * mask / (1 - p), the mask being given: 1 keeps an element, 0 drops it. The mask has no gradient. */
export const dropout: Reference = {
  name: 'dropout',
  forward(inputs, params) {
    return map(input(inputs, 'input'), (x, i) => x * kept(params, i));
  },
  backward(_, params, dy) {
    return { input: map(dy, (g, i) => g * kept(params, i)) };
  },
};

function kept(params: Record<string, unknown>, i: number): number {
  const { p, mask } = params as { p: number; mask: ArrayLike<number> };
  return mask[i] ? 1 / (1 - p) : 0;
}

/** (N, everything else), in the same row-major order. */
export const flatten: Reference = {
  name: 'flatten',
  forward(inputs) {
    const x = input(inputs, 'input');
    return { shape: [x.shape[0]!, x.data.length / x.shape[0]!], data: x.data.slice() };
  },
  backward: (inputs, _, dy) => ({ input: { shape: [...input(inputs, 'input').shape], data: dy.data.slice() } }),
};

/** The shape that NumPy's broadcasting gives two operands; missing leading axes count as 1. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return padShape(a, rank).map((size, axis) => {
    const other = padShape(b, rank)[axis]!;
    if (size !== other && size !== 1 && other !== 1) {
      throw new Error(`[${a.join(', ')}] and [${b.join(', ')}] cannot be broadcast together`);
    }
    return size === 1 ? other : size;
  });
}

function padShape(shape: readonly number[], rank: number): number[] {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

interface Binary {
  value: (a: number, b: number) => number;
  /** Derivatives with respect to a and to b. */
  slopes: (a: number, b: number) => [number, number];
}

function binary(name: string, { value, slopes }: Binary): Reference {
  const operands = (a: RefTensor, b: RefTensor) => {
    const shape = broadcastShape(a.shape, b.shape);
    const [shapeA, shapeB] = [padShape(a.shape, shape.length), padShape(b.shape, shape.length)];
    return {
      shape,
      /** For element i of the output, the indices of its two operands. */
      at: (i: number): [number, number] => {
        const place = unravel(i, shape);
        return [ravel(place, shapeA), ravel(place, shapeB)];
      },
    };
  };
  return {
    name,
    forward(inputs) {
      const [a, b] = [input(inputs, 'a'), input(inputs, 'b')];
      const { shape, at } = operands(a, b);
      return map(zeros(shape), (_, i) => {
        const [ai, bi] = at(i);
        return value(a.data[ai]!, b.data[bi]!);
      });
    },
    backward(inputs, _, dy) {
      const [a, b] = [input(inputs, 'a'), input(inputs, 'b')];
      const { at } = operands(a, b);
      const [da, db] = [zeros(a.shape), zeros(b.shape)];
      dy.data.forEach((g, i) => {
        const [ai, bi] = at(i);
        const [slopeA, slopeB] = slopes(a.data[ai]!, b.data[bi]!);
        da.data[ai]! += g * slopeA;
        db.data[bi]! += g * slopeB;
      });
      return { a: da, b: db };
    },
  };
}

export const add = binary('add', { value: (a, b) => a + b, slopes: () => [1, 1] });
export const sub = binary('sub', { value: (a, b) => a - b, slopes: () => [1, -1] });
export const mul = binary('mul', { value: (a, b) => a * b, slopes: (a, b) => [b, a] });
export const div = binary('div', { value: (a, b) => a / b, slopes: (a, b) => [1 / b, -a / b ** 2] });
