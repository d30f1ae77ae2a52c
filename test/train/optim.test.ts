import { beforeAll, describe, expect, it } from 'vitest';
import { crossEntropy } from '../../src/kernels/index.js';
import { modelRegistry } from '../../src/nn/index.js';
import { backward, manualSeed, Parameter, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { Adam, SGD, type Optimizer } from '../../src/train/optim.js';
import { paths } from '../devices.js';
import * as reference from '../reference/index.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

const wave = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * k + k)));

/** Sizes around a vec4 and around the 256-byte alignment of a flat buffer. */
const sizes = [1, 3, 4, 5, 63, 64, 65, 130];

const rules: [string, (parameters: Parameter[]) => Optimizer, reference.SgdOptions][] = [
  ['sgd', p => new SGD(p, { lr: 0.1 }), { lr: 0.1 }],
  ['sgd with weight decay', p => new SGD(p, { lr: 0.1, weightDecay: 0.01 }), { lr: 0.1, weightDecay: 0.01 }],
  ['sgd with momentum', p => new SGD(p, { lr: 0.1, momentum: 0.9 }), { lr: 0.1, momentum: 0.9 }],
  [
    'sgd with Nesterov momentum',
    p => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
    { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
  ],
  ['adam', p => new Adam(p, { lr: 0.01 }), { lr: 0.01 }],
  ['adam with weight decay', p => new Adam(p, { lr: 0.01, weightDecay: 0.01 }), { lr: 0.01, weightDecay: 0.01 }],
];

describe.each(rules)('%s', (name, make, options) => {
  it('moves many parameters of odd sizes as the float64 oracle does, in one launch', async () => {
    const parameters = sizes.map((size, i) => Parameter.of(wave(size, i + 1), [size]));
    const optimizer = make(parameters);
    const oracle = sizes.map((size, i) => ({
      values: Float64Array.from(wave(size, i + 1)),
      update: name.startsWith('sgd') ? reference.sgd(options) : reference.adam(options),
    }));
    for (let step = 0; step < 5; step++) {
      parameters.forEach((parameter, i) => {
        const gradient = wave(parameter.size, i + 10 * step + 0.5);
        parameter.grad = Tensor.from(gradient, parameter.shape).keep();
        oracle[i]!.update(oracle[i]!.values, Float64Array.from(gradient));
      });
      optimizer.step();
      optimizer.zeroGrad();
    }
    for (const [i, parameter] of parameters.entries()) {
      (await parameter.data()).forEach((value, j) => {
        expect(Math.abs(value - oracle[i]!.values[j]!)).toBeLessThan(1e-5);
      });
    }
    optimizer.dispose();
    for (const parameter of parameters) parameter.dispose();
  });
});

describe('an optimizer', () => {
  it('leaves parameters without a gradient as they are', async () => {
    const [a, b, c] = [1, 2, 3].map(value => Parameter.of([value, value], [2])) as [Parameter, Parameter, Parameter];
    const optimizer = new SGD([a, b, c], { lr: 1 });
    a.grad = Tensor.ones([2]).keep();
    c.grad = Tensor.ones([2]).keep();
    optimizer.step();
    expect([...(await a.data()), ...(await b.data()), ...(await c.data())]).toEqual([0, 0, 2, 2, 2, 2]);
  });

  it('counts the steps of each parameter on its own: one that is unfrozen late is corrected from its first', async () => {
    const [early, late] = [1, 1].map(value => Parameter.of([value], [1])) as [Parameter, Parameter];
    const optimizer = new Adam([early, late], { lr: 0.1 });
    const [a, b] = [reference.adam({ lr: 0.1 }), reference.adam({ lr: 0.1 })];
    const [x, y] = [Float64Array.of(1), Float64Array.of(1)];
    for (let step = 0; step < 4; step++) {
      const gradient = 0.3 + step;
      early.grad = Tensor.full([1], gradient).keep();
      a(x, Float64Array.of(gradient));
      if (step >= 2) {
        late.grad = Tensor.full([1], gradient).keep();
        b(y, Float64Array.of(gradient));
      }
      optimizer.step();
      optimizer.zeroGrad();
    }
    expect(optimizer.steps).toEqual([4, 2]);
    expect((await early.data())[0]).toBeCloseTo(x[0]!, 5);
    expect((await late.data())[0]).toBeCloseTo(y[0]!, 5);
  });

  it('stands still once a loss was not finite', async () => {
    const parameter = Parameter.of([1, 2], [2]);
    const optimizer = new Adam([parameter], { lr: 1 });
    parameter.grad = Tensor.ones([2]).keep();
    optimizer.step(Tensor.from([0, 0, 0, 1], [4]).slice);
    expect([...(await parameter.data())]).toEqual([1, 2]);
    optimizer.step(Tensor.zeros([4]).slice);
    expect((await parameter.data())[0]).not.toBe(1);
  });

  it('keeps parameters valid when it is disposed, and returns all memory with them', async () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    const parameter = Parameter.of([1, 2], [2]);
    const optimizer = new Adam([parameter]);
    optimizer.dispose();
    expect([...(await parameter.data())]).toEqual([1, 2]);
    parameter.dispose();
    expect(pool.liveCount).toBe(before);
  });

  it('takes no parameter twice', () => {
    const parameter = Parameter.of([1, 2], [2]);
    expect(() => new SGD([parameter, parameter])).toThrow('twice');
    parameter.dispose();
  });

  it('hands its parameters over to a later one, which its end does not touch, and moves them no more itself', async () => {
    const parameter = Parameter.of([1, 2], [2]);
    const former = new SGD([parameter], { lr: 1 });
    const later = new SGD([parameter], { lr: 1 });
    parameter.grad = Tensor.ones([2]).keep();
    expect(() => {
      former.step();
    }).toThrow('given to another one');
    former.dispose();
    parameter.grad = Tensor.ones([2]).keep();
    later.step();
    expect([...(await parameter.data())]).toEqual([0, 1]);
    later.dispose();
    parameter.dispose();
  });

  it('refuses what makes no sense', () => {
    expect(() => new SGD([])).toThrow('at least one parameter');
    expect(() => new SGD([Parameter.of([1], [1])], { lr: -1 })).toThrow('learning rate');
    expect(() => new SGD([Parameter.of([1], [1])], { nesterov: true })).toThrow('momentum');
    expect(() => new SGD([Parameter.of([1], [1])], { momentum: -1 })).toThrow('momentum is a number from 0');
    expect(() => new Adam([Parameter.of([1], [1])], { betas: [0.9, 1] })).toThrow('beta is a number from 0 to below 1');
    expect(() => new Adam([Parameter.of([1], [1])], { weightDecay: NaN })).toThrow('weight decay');
  });
});

describe('two hundred steps', () => {
  it.each(['simple-cnn', 'improved-mlp'])(
    'of %s create no buffer after the first two, and leave none live',
    async name => {
      manualSeed(1);
      const model = modelRegistry[name]!.create();
      const optimizer = new Adam(model.parameters());
      const { device } = model.parameters()[0]!;
      const step = () => {
        scope(() => {
          const x = Tensor.from(wave(8 * 48 * 48, 0.1), [8, 1, 48, 48]);
          const labels = Tensor.from([0, 1, 2, 3, 4, 5, 6, 0], [8], { dtype: 'u32' });
          backward(crossEntropy(model.forward(x), labels));
          optimizer.step();
          optimizer.zeroGrad();
        });
        device.submit();
      };
      step();
      step();
      await device.settle();
      const { liveBytes, liveCount, allocatedBytes } = device.pool;
      const kernels = device.kernelCount;
      for (let i = 0; i < 200; i++) {
        step();
        if (i % 10 === 0) await device.settle(2);
      }
      await device.settle();
      expect(device.pool.liveCount).toBe(liveCount);
      expect(device.pool.liveBytes).toBe(liveBytes);
      expect(device.pool.allocatedBytes).toBe(allocatedBytes);
      expect(device.kernelCount).toBe(kernels);
      optimizer.dispose();
      model.dispose();
    },
  );
});
