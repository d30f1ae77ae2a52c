import { input, map, ravel, tensor, unravel, zeros, type Reference, type RefTensor } from './tensor.js';

interface ReduceParams {
  /** All axes where none are named. Negative ones count from the end. */
  axes?: number[];
  keepdim?: boolean;
}

function reduction(name: string, mean: boolean): Reference {
  const plan = (x: RefTensor, { axes, keepdim }: ReduceParams) => {
    const rank = x.shape.length;
    const reduced = new Set(axes ? axes.map(axis => (axis + rank) % rank) : x.shape.keys());
    const kept = x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
    const terms = x.data.length / kept.reduce((a, b) => a * b, 1);
    return {
      kept,
      shape: keepdim ? kept : x.shape.filter((_, axis) => !reduced.has(axis)),
      scale: mean ? 1 / terms : 1,
    };
  };
  return {
    name,
    forward(inputs, params) {
      const x = input(inputs, 'input');
      const { kept, shape, scale } = plan(x, params);
      const y = zeros(kept);
      x.data.forEach((value, i) => (y.data[ravel(unravel(i, x.shape), kept)]! += value * scale));
      return tensor(shape, y.data);
    },
    backward(inputs, params, dy) {
      const x = input(inputs, 'input');
      const { kept, scale } = plan(x, params);
      return { input: map(x, (_, i) => dy.data[ravel(unravel(i, x.shape), kept)]! * scale) };
    },
  };
}

export const sum = reduction('sum', false);
export const mean = reduction('mean', true);
