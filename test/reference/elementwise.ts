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
/** Where it has no derivative, at 0 and 6, the gradient is 0, as PyTorch's. */
export const relu6 = unary(
  'relu6',
  x => Math.min(Math.max(x, 0), 6),
  x => Number(x > 0 && x < 6),
);
const logistic = (x: number) => 1 / (1 + Math.exp(-x));
export const sigmoid = unary('sigmoid', logistic, x => logistic(x) * logistic(-x));
export const silu = unary(
  'silu',
  x => x * logistic(x),
  x => logistic(x) * (1 + x * logistic(-x)),
);
export const tanh = unary('tanh', Math.tanh, x => 1 / Math.cosh(x) ** 2);
/** At -3 and 3 the gradient is that of the piece between them, as in PyTorch 1 and 2.0. */
export const hardswish = unary(
  'hardswish',
  x => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
  x => (x < -3 ? 0 : x > 3 ? 1 : x / 3 + 0.5),
);
/** The normal density and, from Kummer's series 1/2 + density * (x + x^3/3 + x^5/15 + ...), the distribution. */
const density = (x: number) => Math.exp(-x * x * 0.5) / Math.sqrt(2 * Math.PI);
function distribution(x: number): number {
  let term = x;
  let sum = x;
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd;
    sum += term;
  }
  return 0.5 + density(x) * sum;
}
export const gelu = unary(
  'gelu',
  x => x * distribution(x),
  x => distribution(x) + x * density(x),
);
/** Slope 0.01 below zero, and at zero, as PyTorch's. */
export const leakyRelu = unary(
  'leaky_relu',
  x => (x > 0 ? x : 0.01 * x),
  x => (x > 0 ? 1 : 0.01),
);
export const activations: Readonly<Record<string, Reference>> = Object.fromEntries(
  [relu, relu6, silu, sigmoid, tanh, hardswish, gelu, leakyRelu].map(reference => [reference.name, reference]),
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

/** As dropout, with one element of the mask for a whole sample: torchvision's stochastic_depth with mode 'row'. */
export const stochasticDepth: Reference = {
  name: 'stochastic_depth',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    return map(x, (value, i) => value * kept(params, sampleOf(x, i)));
  },
  backward(_, params, dy) {
    return { input: map(dy, (g, i) => g * kept(params, sampleOf(dy, i))) };
  },
};

const sampleOf = (x: RefTensor, i: number) => Math.floor((i * x.shape[0]!) / x.data.length);

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
