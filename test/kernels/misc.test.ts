import { beforeAll, describe, expect, it } from 'vitest';
import { dropout, flatten, normaliseImages, registry, stochasticDepth } from '../../src/kernels/index.js';
import { backward, Generator, setDefaultDevice, STREAM, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { references } from '../reference/index.js';
import { expectClose } from './check.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

describe('the registry', () => {
  // What has no float64 oracle of its own is covered by a test of its own name in this folder.
  const elsewhere = ['neg', 'exp', 'log', 'sqrt', 'abs', 'square', 'flatten', 'batch_norm_running'];
  it.each(Object.keys(registry))('%s has an oracle', name => {
    expect(name in references || elsewhere.includes(name)).toBe(true);
  });
});

describe('dropout', () => {
  const size = 10_001;
  const ones = () => Tensor.full([size], 1, { requiresGrad: true });

  it('draws the mask that the host draws from the same counters, and uses it for the gradient', async () => {
    const x = ones();
    const y = dropout(x, 0.3, new Generator(7, 5));
    backward(y, Tensor.full([size], 2));
    const host = new RandomStream(7, STREAM.dropout, 5);
    const kept = Array.from({ length: size }, () => Math.fround((host.uint32() >>> 8) / 2 ** 24) >= Math.fround(0.3));
    const values = await y.data();
    const gradient = await x.grad!.data();
    kept.forEach((keep, i) => {
      expect(values[i]).toBeCloseTo(keep ? 1 / 0.7 : 0, 5);
      expect(gradient[i]).toBeCloseTo(keep ? 2 / 0.7 : 0, 5);
    });
    expect(kept.filter(Boolean).length / size).toBeCloseTo(0.7, 1);
  });

  it('draws anew at every call and with every seed', async () => {
    const generator = new Generator(7);
    const [a, b, c] = await Promise.all(
      [dropout(ones(), 0.5, generator), dropout(ones(), 0.5, generator), dropout(ones(), 0.5, new Generator(8))].map(
        y => y.data(),
      ),
    );
    const agree = (u: Float32Array, v: Float32Array) => u.filter((value, i) => value === v[i]).length / size;
    expect(agree(a!, b!)).toBeCloseTo(0.5, 1);
    expect(agree(a!, c!)).toBeCloseTo(0.5, 1);
    expect(generator.offset).toBe(2);
  });

  it('is the identity at 0, zero at 1, and refuses the rest', async () => {
    const x = ones();
    expect(dropout(x, 0)).toBe(x);
    expect((await dropout(x, 1).data()).every(value => value === 0)).toBe(true);
    expect(() => dropout(x, 1.5)).toThrow('from 0 to 1');
  });
});

describe('stochastic depth', () => {
  it.each([[[37, 6]], [[37, 3, 5, 3]], [[5, 4, 1, 1]]])(
    'of %j keeps or drops whole samples as the host draws them, and uses that for the gradient',
    async shape => {
      const value = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1);
      const x = Tensor.from(value, shape, { requiresGrad: true });
      const y = stochasticDepth(x, 0.4, new Generator(7, 5));
      backward(y, Tensor.from(value, shape));
      const host = new RandomStream(7, STREAM.stochasticDepth, 5);
      const mask = Array.from({ length: shape[0]! }, () => Number((host.uint32() >>> 8) / 2 ** 24 >= Math.fround(0.4)));
      const input = { shape, data: Float64Array.from(value) };
      const expected = references.stochastic_depth!.forward({ input }, { p: 0.4, mask });
      expectClose('output', await y.data(), expected, 1e-6);
      expectClose('gradient', await x.grad!.data(), expected, 1e-6);
    },
  );

  it('draws anew at every call, keeps about 1 - p of the samples and their mean', async () => {
    const generator = new Generator(3);
    const [a, b] = [0, 1].map(() => stochasticDepth(Tensor.ones([4000, 1]), 0.2, generator));
    const [u, v] = [await a!.data(), await b!.data()];
    expect(u.filter((value, i) => value > 0 === v[i]! > 0).length / 4000).toBeCloseTo(0.8 ** 2 + 0.2 ** 2, 1);
    expect(u.reduce((sum, value) => sum + value, 0) / 4000).toBeCloseTo(1, 1);
  });

  it('is the identity at 0, zero at 1, and refuses the rest', async () => {
    const x = Tensor.ones([3, 4]);
    expect(stochasticDepth(x, 0)).toBe(x);
    expect((await stochasticDepth(x, 1).data()).every(value => value === 0)).toBe(true);
    expect(() => stochasticDepth(x, -0.1)).toThrow('from 0 to 1');
  });
});

describe('flatten', () => {
  it.each([[[2, 3, 4, 5]], [[2, 1, 4, 5]], [[3, 7, 1, 1]], [[2, 6]], [[2, 3, 4]]])(
    '%j keeps PyTorch order',
    async shape => {
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Array.from({ length: size }, (_, i) => i);
      const x = Tensor.from(values, shape, { requiresGrad: true });
      const y = flatten(x);
      expect(y.shape).toEqual([shape[0], size / shape[0]!]);
      expect([...(await y.data())]).toEqual(values);
      backward(y, Tensor.from(values, y.shape));
      expect([...(await x.grad!.data())]).toEqual(values);
    },
  );
});

describe('normaliseImages', () => {
  it.each([1, 3])('takes bytes with %i channels innermost', async c => {
    const [n, h, w] = [2, 3, 5];
    const bytes = Uint8Array.from({ length: n * h * w * c }, (_, i) => (i * 37) % 256);
    const mean = [0.5, 0.4, 0.3].slice(0, c);
    const std = [0.25, 0.2, 0.5].slice(0, c);
    const x = await normaliseImages(bytes, [n, c, h, w], mean, std).data();
    for (let i = 0; i < n; i++)
      for (let k = 0; k < c; k++)
        for (let p = 0; p < h * w; p++) {
          const expected = (bytes[(i * h * w + p) * c + k]! / 255 - mean[k]!) / std[k]!;
          expect(x[(i * c + k) * h * w + p]).toBeCloseTo(expected, 5);
        }
  });

  it('refuses bytes that do not fill the shape and statistics of other channels', () => {
    expect(() => normaliseImages(new Uint8Array(5), [1, 1, 2, 2], [0], [1])).toThrow('5 bytes');
    expect(() => normaliseImages(new Uint8Array(4), [1, 1, 2, 2], [0, 0], [1])).toThrow('1 channels');
  });
});
