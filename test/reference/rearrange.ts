import {
  input,
  map,
  ravel,
  unravel,
  zeros,
  type RefParams,
  type Reference,
  type RefTensor,
  type RefTensors,
} from './tensor.js';

/** An operation that only moves elements: output element i is the element `from(i)` says of one of the inputs. */
function moving(
  name: string,
  plan: (
    inputs: RefTensors,
    params: RefParams,
  ) => { shape: number[]; from: (i: number) => [input: string, index: number] },
): Reference {
  return {
    name,
    forward(inputs, params) {
      const { shape, from } = plan(inputs, params);
      return map(zeros(shape), (_, i) => {
        const [key, index] = from(i);
        return inputs[key]!.data[index]!;
      });
    },
    backward(inputs, params, dy) {
      const { from } = plan(inputs, params);
      const grads = Object.fromEntries(Object.entries(inputs).map(([key, x]) => [key, zeros(x.shape)]));
      dy.data.forEach((g, i) => {
        const [key, index] = from(i);
        grads[key]!.data[index]! += g;
      });
      return grads;
    },
  };
}

const along = (x: RefTensor, axis: unknown): number => ((axis as number) + x.shape.length) % x.shape.length;

/** The inputs one after the other along `axis`. */
export const concat = moving('concat', (inputs, params) => {
  const entries = Object.entries(inputs);
  const axis = along(entries[0]![1], params.axis);
  const shape = [...entries[0]![1].shape];
  shape[axis] = entries.reduce((total, [, x]) => total + x.shape[axis]!, 0);
  return {
    shape,
    from(i) {
      const at = unravel(i, shape);
      for (const [key, x] of entries) {
        if (at[axis]! < x.shape[axis]!) return [key, ravel(at, x.shape)];
        at[axis]! -= x.shape[axis]!;
      }
      throw new Error('an element beyond the last input');
    },
  };
});

/** `length` steps along `axis` from `start` on. */
export const narrow = moving('narrow', (inputs, params) => {
  const x = input(inputs, 'input');
  const axis = along(x, params.axis);
  const shape = [...x.shape];
  shape[axis] = params.length as number;
  return {
    shape,
    from(i) {
      const at = unravel(i, shape);
      at[axis]! += params.start as number;
      return ['input', ravel(at, x.shape)];
    },
  };
});

/** input (N,C,H,W) as (N, groups, C/groups, H, W), the two middle dimensions exchanged. */
export const channelShuffle = moving('channel_shuffle', (inputs, params) => {
  const x = input(inputs, 'input');
  const groups = params.groups as number;
  const size = x.shape[1]! / groups;
  return {
    shape: x.shape,
    from(i) {
      const [n, c, h, w] = unravel(i, x.shape) as [number, number, number, number];
      return ['input', ravel([n, (c % groups) * size + Math.floor(c / groups), h, w], x.shape)];
    },
  };
});
