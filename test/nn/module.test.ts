import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Linear,
  modelRegistry,
  ReLU,
  Sequential,
  type StateEntry,
} from '../../src/nn/index.js';
import { manualSeed, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { UserError } from '../../src/util/errors.js';
import { paths } from '../devices.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

/** A state dict as one hash-like text: comparing a million numbers one by one takes seconds. */
const fingerprint = (state: ReadonlyMap<string, StateEntry>) =>
  [...state].map(([name, { dtype, shape, data }]) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return `${name} ${dtype} ${shape.join('x')} ${createHash('sha256').update(bytes).digest('hex')}`;
  });

const range = (data: Float32Array) => [Math.min(...data), Math.max(...data)] as const;

describe('initialisers', () => {
  it("are PyTorch's: uniform within 1/√fan_in, weight and bias", async () => {
    manualSeed(3);
    const conv = new Conv2d(8, 64, 3);
    const linear = new Linear(300, 200);
    for (const [parameter, fanIn] of [
      [conv.weight, 72],
      [conv.bias!, 72],
      [linear.weight, 300],
      [linear.bias!, 300],
    ] as const) {
      const bound = 1 / Math.sqrt(fanIn);
      const [low, high] = range(await parameter.data());
      expect(low).toBeGreaterThanOrEqual(-bound);
      expect(high).toBeLessThanOrEqual(bound);
      expect(high - low).toBeGreaterThan(1.8 * bound);
    }
    const data = await linear.weight.data();
    const variance = data.reduce((sum, value) => sum + value * value, 0) / data.length;
    expect(variance).toBeCloseTo(1 / 300 / 3, 4); // of a uniform distribution: bound²/3
  });

  it('are decided by the seed, and differ from layer to layer', async () => {
    const make = async (seed: number) => {
      manualSeed(seed);
      return Promise.all([new Linear(4, 3), new Linear(4, 3)].map(layer => layer.weight.data()));
    };
    const [a, b] = await make(1);
    expect(a).not.toEqual(b);
    expect(await make(1)).toEqual([a, b]);
    expect((await make(2))[0]).not.toEqual(a);
    expect(() => {
      manualSeed(-1);
    }).toThrow('seed');
  });
});

describe('Module', () => {
  it("names parameters and buffers as PyTorch's state_dict, in its order", async () => {
    const model = modelRegistry['improved-mlp']!.create();
    const names = [...(await model.stateDict()).keys()];
    expect(names.slice(0, 7)).toEqual([
      'net.0.weight',
      'net.0.bias',
      'net.1.weight',
      'net.1.bias',
      'net.1.running_mean',
      'net.1.running_var',
      'net.1.num_batches_tracked',
    ]);
    expect([...model.namedParameters().keys()]).toEqual(names.filter(name => /weight|bias/.test(name)));
    expect([...model.namedBuffers().keys()]).toEqual(names.filter(name => !/weight|bias/.test(name)));
  });

  it('restores a state dict to the bit, counts included', async () => {
    manualSeed(1);
    const model = modelRegistry['improved-mlp']!.create().train();
    model.forward(Tensor.full([4, 1, 48, 48], 0.5));
    const state = await model.stateDict();
    expect(state.get('net.1.num_batches_tracked')?.data[0]).toBe(1n);
    manualSeed(2);
    const other = modelRegistry['improved-mlp']!.create();
    other.loadStateDict(state);
    expect(fingerprint(await other.stateDict())).toEqual(fingerprint(state));
  });

  it('lists every mismatch and then loads nothing', async () => {
    const model = modelRegistry['simple-mlp']!.create();
    const before = await model.stateDict();
    const broken = new Map<string, { shape: readonly number[]; data: ArrayLike<number | bigint> }>(before);
    broken.delete('net.0.bias');
    broken.set('net.2.weight', { shape: [7, 255], data: new Float32Array(7 * 255) });
    broken.set('net.9.weight', { shape: [1], data: new Float32Array(1) });
    broken.set('net.0.weight', { shape: [256, 2304], data: new Float32Array(256 * 2304) });
    const load = () => {
      model.loadStateDict(broken);
    };
    expect(load).toThrow(UserError);
    expect(load).toThrow(/missing: net\.0\.bias \(256\)/);
    expect(load).toThrow(/wrong shape: net\.2\.weight is \(7, 255\), the model has \(7, 256\)/);
    expect(load).toThrow(/unexpected: net\.9\.weight/);
    expect(fingerprint(await model.stateDict())).toEqual(fingerprint(before));
  });

  it('switches training for everything below', () => {
    const model = modelRegistry['improved-mlp']!.create().eval();
    expect([...model.namedModules()].every(([, module]) => !module.training)).toBe(true);
    model.train();
    expect([...model.namedModules()].every(([, module]) => module.training)).toBe(true);
  });

  it('gives all its memory back', () => {
    const { pool } = Tensor.ones([1]).device;
    const before = pool.liveCount;
    modelRegistry['improved-mlp']!.create().dispose();
    expect(pool.liveCount).toBe(before);
  });
});

describe('Sequential', () => {
  it('gives what its layers give one after the other, with the relu fused', async () => {
    manualSeed(5);
    const layers = [
      new Conv2d(3, 8, 3),
      new BatchNorm2d(8),
      new ReLU(),
      new Conv2d(8, 4, 1),
      new ReLU(),
      new Dropout(0.5),
    ];
    const model = new Sequential(...layers).eval();
    const x = Tensor.from(
      Array.from({ length: 2 * 3 * 6 * 6 }, (_, i) => Math.sin(i)),
      [2, 3, 6, 6],
    );
    const expected = layers.reduce((value, layer) => layer.forward(value), x);
    expect(await model.forward(x).data()).toEqual(await expected.data());
  });

  it('drops values in training only', async () => {
    const model = new Sequential(new Dropout(0.5));
    const x = Tensor.ones([1000]);
    expect((await model.forward(x).data()).filter(value => value === 0).length).toBeGreaterThan(400);
    expect((await model.eval().forward(x).data()).every(value => value === 1)).toBe(true);
  });
});

describe('batch normalisation layers', () => {
  it('name the dimensions that they take', () => {
    expect(() => new BatchNorm1d(4).forward(Tensor.zeros([2, 4, 3, 3]))).toThrow(
      'BatchNorm1d: takes 2 dimensions; given (2, 4, 3, 3)',
    );
    expect(() => new BatchNorm2d(4).forward(Tensor.zeros([2, 4]))).toThrow(
      'BatchNorm2d: takes 4 dimensions; given (2, 4)',
    );
  });

  it('use the batch in training and the running statistics in evaluation', async () => {
    const layer = new BatchNorm1d(1);
    const x = Tensor.from([1, 3], [2, 1]);
    expect([...(await layer.forward(x).data())]).toEqual([expect.closeTo(-1, 4), expect.closeTo(1, 4)]);
    // running mean 0.1·2, running variance 0.9 + 0.1·2
    const y = await layer.eval().forward(x).data();
    expect(y[0]).toBeCloseTo((1 - 0.2) / Math.sqrt(1.1), 4);
  });
});
