import { beforeAll, describe, expect, it } from 'vitest';
import { crossEntropy } from '../../src/kernels/index.js';
import { modelRegistry } from '../../src/nn/index.js';
import { backward, manualSeed, Parameter, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { Adam, AdamW, RMSprop, SGD, type Optimizer, type Parameters } from '../../src/train/optim.js';
import { paths } from '../devices.js';
import * as reference from '../reference/index.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

const wave = (n: number, k: number) => Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * k + k)));

/** Sizes around a vec4 and around the 256-byte alignment of a flat buffer. */
const sizes = [1, 3, 4, 5, 63, 64, 65, 130];

/** A rule and its oracle with the same options. */
function rule<Options extends object>(
  make: (parameters: Parameters, options: Options) => Optimizer,
  oracle: (options: Options) => reference.Update,
  options: Options,
) {
  return {
    name: `${oracle.name} ${JSON.stringify(options)}`,
    make: (parameters: Parameters) => make(parameters, options),
    oracle: () => oracle(options),
  };
}

const sgd = (options: reference.SgdOptions) => rule((p, o) => new SGD(p, o), reference.sgd, options);
const adam = (options: reference.AdamOptions) => rule((p, o) => new Adam(p, o), reference.adam, options);
const adamW = (options: reference.AdamOptions) => rule((p, o) => new AdamW(p, o), reference.adamW, options);
const rmsProp = (options: reference.RmsPropOptions) => rule((p, o) => new RMSprop(p, o), reference.rmsProp, options);

const rules = [
  sgd({ lr: 0.1 }),
  sgd({ lr: 0.1, weightDecay: 0.01 }),
  sgd({ lr: 0.1, momentum: 0.9 }),
  sgd({ lr: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.1 }),
  sgd({ lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  adam({ lr: 0.01 }),
  adam({ lr: 0.01, weightDecay: 0.01, betas: [0.8, 0.95], eps: 1e-3 }),
  adamW({ lr: 0.01 }),
  adamW({ lr: 0.1, weightDecay: 0.5 }),
  rmsProp({ lr: 0.01 }),
  rmsProp({ lr: 0.01, momentum: 0.9, weightDecay: 0.1 }),
  rmsProp({ lr: 0.01, centered: true, alpha: 0.9, eps: 1e-3 }),
  rmsProp({ lr: 0.01, centered: true, momentum: 0.5, eps: 1e-3 }),
];

const largest = (actual: ArrayLike<number>, expected: Float64Array) =>
  Math.max(...Array.from(expected, (value, i) => Math.abs(value - actual[i]!)));

describe.each(rules)('$name', ({ make, oracle: oracleOf }) => {
  it('moves many parameters of odd sizes as the float64 oracle does, in one launch', async () => {
    const parameters = sizes.map((size, i) => Parameter.of(wave(size, i + 1), [size]));
    const optimizer = make(parameters);
    const { device } = parameters[0]!;
    const oracle = sizes.map((size, i) => ({ values: Float64Array.from(wave(size, i + 1)), update: oracleOf() }));
    for (let step = 0; step < 5; step++) {
      parameters.forEach((parameter, i) => {
        const gradient = wave(parameter.size, i + 10 * step + 0.5);
        parameter.grad = Tensor.from(gradient, parameter.shape).keep();
        oracle[i]!.update(oracle[i]!.values, Float64Array.from(gradient));
      });
      const { launches } = device.counts;
      optimizer.step();
      expect(device.counts.launches - launches).toBe(1);
      optimizer.zeroGrad();
    }
    for (const [i, parameter] of parameters.entries()) {
      expect(largest(await parameter.data(), oracle[i]!.values)).toBeLessThan(1e-5);
    }
    optimizer.dispose();
    for (const parameter of parameters) parameter.dispose();
  });
});

/** Parameters of all sizes, their gradients at a step, and what the oracles make of them. */
function subject(make: (parameters: Parameter[]) => Optimizer) {
  const parameters = sizes.map((size, i) => Parameter.of(wave(size, i + 1), [size]));
  const values = sizes.map((size, i) => Float64Array.from(wave(size, i + 1)));
  const optimizer = make(parameters);
  return {
    ...{ optimizer, parameters, values },
    /** One step with these gradients. */
    step(gradients: readonly ArrayLike<number>[]): void {
      parameters.forEach((parameter, i) => {
        parameter.grad = Tensor.from(gradients[i]!, parameter.shape).keep();
      });
      optimizer.step();
      optimizer.zeroGrad();
    },
    async error(): Promise<number> {
      const read = await Promise.all(parameters.map(parameter => parameter.data()));
      return Math.max(...read.map((data, i) => largest(data, values[i]!)));
    },
    dispose(): void {
      optimizer.dispose();
      for (const parameter of parameters) parameter.dispose();
    },
  };
}

const gradientsAt = (step: number, scale = 1) =>
  sizes.map((size, i) => wave(size, i + 10 * step + 0.5).map(value => Math.fround(scale * value)));

describe('parameter groups', () => {
  it('are updated each by its own options, in one launch', async () => {
    const optionsOf = (i: number) =>
      i % 2 === 0 ? { lr: 0.1, weightDecay: 0.1, momentum: 0.9 } : { lr: 0.02, weightDecay: 0, momentum: 0 };
    const tested = subject(
      parameters =>
        new SGD(
          [
            { parameters: parameters.filter((_, i) => i % 2 === 0), weightDecay: 0.1 },
            { parameters: parameters.filter((_, i) => i % 2 === 1), lr: 0.02, momentum: 0 },
          ],
          { lr: 0.1, momentum: 0.9, dampening: 0.5 },
        ),
    );
    expect(tested.optimizer.groups.map(({ lr, weightDecay, momentum }) => [lr, weightDecay, momentum])).toEqual([
      [0.1, 0.1, 0.9],
      [0.02, 0, 0],
    ]);
    const updates = sizes.map((_, i) => reference.sgd({ ...optionsOf(i), dampening: 0.5 }));
    const { device } = tested.parameters[0]!;
    for (let step = 0; step < 4; step++) {
      const gradients = gradientsAt(step);
      updates.forEach((update, i) => {
        update(tested.values[i]!, Float64Array.from(gradients[i]!));
      });
      const { launches } = device.counts;
      tested.step(gradients);
      expect(device.counts.launches - launches).toBe(1);
    }
    expect(await tested.error()).toBeLessThan(1e-5);
    tested.dispose();
  });

  it('follow what is set between steps, without new bind groups', async () => {
    const tested = subject(parameters => new SGD(parameters));
    const { device } = tested.parameters[0]!;
    let bindGroups = 0;
    for (let step = 0; step < 6; step++) {
      const lr = 0.1 / (step + 1);
      tested.optimizer.lr = lr;
      const gradients = gradientsAt(step);
      gradients.forEach((gradient, i) => {
        reference.sgd({ lr })(tested.values[i]!, Float64Array.from(gradient));
      });
      tested.step(gradients);
      if (step === 0) bindGroups = device.counts.bindGroups;
    }
    expect(device.counts.bindGroups).toBe(bindGroups);
    expect(await tested.error()).toBeLessThan(1e-5);
    tested.dispose();
  });

  it('set a momentum only where velocities are kept', () => {
    const parameter = Parameter.of([1], [1]);
    const optimizer = new SGD([parameter]);
    optimizer.groups[0]!.momentum = 0.9;
    parameter.grad = Tensor.ones([1]).keep();
    expect(() => {
      optimizer.step();
    }).toThrow('keeps no velocities');
    optimizer.dispose();
    parameter.dispose();
  });
});

describe('clipping', () => {
  it.each([0.5, 1000])('by the norm, to %d, scales all gradients together as clip_grad_norm_', async most => {
    const tested = subject(parameters => new SGD(parameters, { lr: 0.5, momentum: 0.9 }));
    tested.optimizer.clipping = { norm: most };
    const updates = sizes.map(() => reference.sgd({ lr: 0.5, momentum: 0.9 }));
    for (let step = 0; step < 3; step++) {
      const gradients = gradientsAt(step, 2).map(gradient => Float64Array.from(gradient));
      const { norm, clipped } = reference.clipByNorm(gradients, most);
      updates.forEach((update, i) => {
        update(tested.values[i]!, clipped[i]!);
      });
      const before = tested.parameters[0]!.device.counts.readbacks;
      tested.step(gradients);
      expect(tested.parameters[0]!.device.counts.readbacks).toBe(before);
      expect(Math.abs((await tested.optimizer.gradientNorm()) / norm - 1)).toBeLessThan(1e-6);
    }
    expect(await tested.error()).toBeLessThan(1e-5);
    tested.dispose();
  });

  it('by the norm counts what is updated alone: neither frozen parameters nor what lies between parameters', async () => {
    const [a, b] = [Parameter.of([1, 1, 1], [3]), Parameter.of(wave(70, 1), [70])];
    const optimizer = new SGD([a, b], { lr: 1 });
    // A flat gradient memory full of old values: b's gradient is gone, a's padding is not zero.
    b.grad = Tensor.full([70], 5).keep();
    a.grad = Tensor.full([3], 5).keep();
    optimizer.step();
    optimizer.zeroGrad();
    const [place] = optimizer.blocks[0]!.places;
    a.device.write({ ...place!.gradient.slice, bytes: 256 }, new Float32Array(64).fill(7));
    optimizer.clipping = { norm: 1 };
    a.set([1, 1, 1]);
    a.grad = Tensor.from([3, 0, 4], [3]).keep();
    optimizer.step();
    expect(await optimizer.gradientNorm()).toBeCloseTo(5, 5);
    const [x, y, z] = await a.data();
    expect([x, y, z].map((value, i) => Math.abs(value! - [0.4, 1, 0.2][i]!) < 1e-5)).toEqual([true, true, true]);
    optimizer.dispose();
    for (const parameter of [a, b]) parameter.dispose();
  });

  it('by the norm adds many parts: a parameter of 150 000 elements', async () => {
    const size = 150_000;
    const parameter = Parameter.of(new Float32Array(size), [size]);
    const optimizer = new SGD([parameter], { lr: 1 });
    optimizer.clipping = { norm: 1 };
    const gradient = wave(size, 0.001);
    parameter.grad = Tensor.from(gradient, [size]).keep();
    optimizer.step();
    const { norm } = reference.clipByNorm([Float64Array.from(gradient)], 1);
    expect(Math.abs((await optimizer.gradientNorm()) / norm - 1)).toBeLessThan(1e-5);
    optimizer.dispose();
    parameter.dispose();
  });

  it('by value cuts each element off as clip_grad_value_', async () => {
    const tested = subject(parameters => new Adam(parameters, { lr: 0.01 }));
    tested.optimizer.clipping = { value: 0.25 };
    const updates = sizes.map(() => reference.adam({ lr: 0.01 }));
    for (let step = 0; step < 3; step++) {
      const gradients = gradientsAt(step);
      const clipped = reference.clipByValue(
        gradients.map(gradient => Float64Array.from(gradient)),
        0.25,
      );
      updates.forEach((update, i) => {
        update(tested.values[i]!, clipped[i]!);
      });
      tested.step(gradients);
    }
    expect(await tested.error()).toBeLessThan(1e-5);
    tested.dispose();
  });

  it.each([{ norm: 1 }, { value: 1 }])('%o lets NaN through', async clipping => {
    const parameter = Parameter.of([1, 1], [2]);
    const optimizer = new SGD([parameter], { lr: 1 });
    optimizer.clipping = clipping;
    parameter.grad = Tensor.from([NaN, 2], [2]).keep();
    optimizer.step();
    expect((await parameter.data())[0]).toBeNaN();
    optimizer.dispose();
    parameter.dispose();
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
    expect(() => new SGD([Parameter.of([1], [1])], { momentum: 0.9, nesterov: true, dampening: 0.1 })).toThrow(
      'no dampening',
    );
    expect(() => new RMSprop([Parameter.of([1], [1])], { alpha: 1 })).toThrow('alpha is a number from 0 to below 1');
    expect(() => new SGD([{ parameters: [Parameter.of([1], [1])], lr: -1 }])).toThrow('learning rate');
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
