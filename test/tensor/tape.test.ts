import { beforeAll, describe, expect, it } from 'vitest';
import { add, matmul, mul, relu, scale, sub, sum } from '../../src/kernels/index.js';
import {
  backward,
  noGrad,
  observe,
  Parameter,
  scope,
  setDefaultDevice,
  Storage,
  Tensor,
} from '../../src/tensor/index.js';
import { paths } from '../devices.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

const leaf = (values: number[], shape = [values.length]) => Tensor.from(values, shape, { requiresGrad: true });
const values = async (tensor: Tensor | undefined) => [...(await tensor!.data())];

describe('backward', () => {
  it('adds the gradients of a tensor that is used twice', async () => {
    const x = leaf([1, -2, 3]);
    backward(sum(mul(x, x)));
    expect(await values(x.grad)).toEqual([2, -4, 6]);
  });

  it('adds over every path of a graph that splits and joins', async () => {
    const x = leaf([2]);
    const y = mul(x, x); // x²
    const z = add(mul(y, y), mul(y, x)); // x⁴ + x³
    backward(z);
    expect(await values(x.grad)).toEqual([4 * 8 + 3 * 4]);
  });

  it('does not let two owners of one gradient overwrite each other', async () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    // The last operation comes first: add hands the same memory to both inputs, and mul adds to each after it.
    backward(sum(add(mul(a, b), add(a, b))));
    expect(await values(a.grad)).toEqual([4, 5]);
    expect(await values(b.grad)).toEqual([2, 3]);
  });

  it('handles x − x, whose gradients share memory and sign', async () => {
    const x = leaf([5, 6]);
    backward(sum(sub(x, x)));
    expect(await values(x.grad)).toEqual([0, 0]);
  });

  it('adds to the gradients of an earlier backward', async () => {
    const x = leaf([1, 2]);
    backward(sum(scale(x, 3)));
    backward(sum(mul(x, x)));
    expect(await values(x.grad)).toEqual([5, 7]);
  });

  it('takes a gradient for the output, and asks for one where there are several elements', async () => {
    const x = leaf([1, 2, 3]);
    const y = mul(x, x);
    expect(() => {
      backward(y);
    }).toThrow('one element');
    expect(() => {
      backward(y, Tensor.ones([2]));
    }).toThrow('(2) for (3)');
    backward(y, Tensor.from([1, 0, -1], [3]));
    expect(await values(x.grad)).toEqual([2, 0, -6]);
  });

  it('reaches only what requires a gradient', async () => {
    const x = leaf([1, 2]);
    const c = Tensor.from([3, 4], [2]);
    const y = mul(x, c);
    backward(sum(y));
    expect(await values(x.grad)).toEqual([3, 4]);
    expect(c.grad).toBeUndefined();
    expect(y.grad).toBeUndefined();
  });

  it('keeps an intermediate gradient on request', async () => {
    const x = leaf([1, 2]);
    const y = scale(x, 2).retainGrad();
    backward(sum(mul(y, y)));
    expect(await values(y.grad)).toEqual([4, 8]);
    expect(await values(x.grad)).toEqual([8, 16]);
  });

  it('adds to an intermediate gradient that an earlier backward left, and frees none of it twice', async () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    const x = leaf([1, 2]);
    const y = scale(x, 2).retainGrad();
    const z = sum(y);
    backward(z);
    backward(z);
    expect(await values(y.grad)).toEqual([2, 2]);
    expect(await values(x.grad)).toEqual([4, 4]);
    for (const made of [x, y, z, x.grad, y.grad]) made?.dispose();
    expect(pool.liveCount).toBe(before);
  });

  it('walks a deep graph without recursion', async () => {
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 3000; i++) y = scale(y, 1);
    backward(y);
    expect(await values(x.grad)).toEqual([1]);
  });

  it('writes into the place that an optimiser gave a parameter', async () => {
    const weight = Parameter.of([1, 2, 3, 4], [2, 2]);
    const whole = Tensor.zeros([128]);
    weight.gradStorage = new Storage(
      whole.device,
      { buffer: whole.slice.buffer, offset: 256, bytes: 16 },
      whole.storage,
    );
    backward(sum(matmul(Tensor.ones([1, 2]), weight)));
    expect([...(await whole.data())].slice(64, 68)).toEqual([1, 1, 1, 1]);
    expect(await values(weight.grad)).toEqual([1, 1, 1, 1]);
    backward(sum(matmul(Tensor.ones([1, 2]), weight)));
    expect([...(await whole.data())].slice(64, 68)).toEqual([2, 2, 2, 2]);
  });

  it('records nothing under noGrad', () => {
    const x = leaf([1]);
    const y = noGrad(() => relu(x));
    expect(y.requiresGrad).toBe(false);
    expect(() => {
      backward(y);
    }).toThrow('no gradient is recorded');
  });
});

describe('record', () => {
  it('refuses whole numbers, whose bits an operation would take for float32', () => {
    const labels = Tensor.from([1, 2], [2], { dtype: 'u32' });
    expect(() => relu(labels)).toThrow(/relu.*u32.*\(2\)/);
    expect(() => add(Tensor.ones([2]), labels)).toThrow(/add.*u32/);
  });
});

describe('observe', () => {
  it('shows every operation in order', () => {
    const seen: string[] = [];
    observe(
      (op, inputs, output) => seen.push(`${op}/${inputs.length}/${output.shape.join('x')}`),
      () => sum(mul(Tensor.ones([3]), relu(Tensor.ones([3])))),
    );
    expect(seen).toEqual(['relu/1/3', 'mul/2/3', 'sum/1/']);
  });
});

describe('scope', () => {
  it('frees what was made in it, except what is returned or kept', () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    let kept: Tensor | undefined;
    let lost: Tensor | undefined;
    const returned = scope(() => {
      lost = Tensor.ones([10]);
      kept = Tensor.ones([10]).keep();
      return relu(lost);
    });
    expect(pool.liveCount).toBe(before + 2);
    expect(lost?.disposed).toBe(true);
    expect(() => lost?.slice).toThrow('after its scope has ended');
    returned.dispose();
    kept?.dispose();
    expect(pool.liveCount).toBe(before);
  });

  it('hands a returned tensor to the scope around it', () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    scope(() => {
      const inner = scope(() => [Tensor.ones([3]), Tensor.ones([3])]);
      expect(inner.every(tensor => !tensor.disposed)).toBe(true);
    });
    expect(pool.liveCount).toBe(before);
  });

  it('frees after an error too, and refuses asynchronous functions', () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    expect(() =>
      scope(() => {
        Tensor.ones([3]);
        throw new Error('halt');
      }),
    ).toThrow('halt');
    expect(() => scope(() => Promise.resolve())).toThrow('synchronous');
    expect(pool.liveCount).toBe(before);
  });
});

describe('Tensor', () => {
  it('reads back in PyTorch order what was given in it', async () => {
    const data = Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => i);
    expect(await values(Tensor.from(data, [2, 3, 4, 5]))).toEqual(data);
    expect([...(await Tensor.from([7, 4e9], [2], { dtype: 'u32' }).read())]).toEqual([7, 4e9]);
  });

  it('refuses shapes that are none and data that do not fit', () => {
    expect(() => Tensor.zeros([2, 0])).toThrow('(2, 0)');
    expect(() => Tensor.zeros([1.5])).toThrow('(1.5)');
    expect(() => Tensor.from([1, 2], [3])).toThrow('2 values');
  });

  it('names the limit when a tensor is too large for the adapter', () => {
    expect(() => Tensor.empty([2 ** 20, 2 ** 20])).toThrow(/MiB exceeds/);
  });
});
