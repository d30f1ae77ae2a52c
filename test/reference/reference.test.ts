import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../src/util/random.js';
import { compare } from '../parity/compare.js';
import { fill } from '../parity/fill.js';
import { goldenCopy, readGoldens, type OpCase, type RunningCase } from '../parity/golden.js';
import {
  adam,
  adamW,
  batchNormRunning,
  broadcastShape,
  count,
  map,
  references,
  rmsProp,
  sgd,
  tensor,
  zeros,
  type RefParams,
  type RefTensor,
  type RefTensors,
  type Update,
} from './index.js';

const goldens = readGoldens(goldenCopy);
const { seed } = goldens.ops;
const random = new RandomStream(7, 0);

function randomTensor(shape: readonly number[], scale = 2, offset = 0): RefTensor {
  return map(zeros(shape), () => offset + scale * (random.uniform() - 0.5));
}

/** Gradients of sum(forward * dy) by central differences. */
function numericalGradient(op: string, inputs: RefTensors, params: RefParams, dy: RefTensor, name: string): RefTensor {
  const h = 1e-5;
  const x = inputs[name]!;
  const value = () => references[op]!.forward(inputs, params).data.reduce((total, y, i) => total + y * dy.data[i]!, 0);
  return map(x, (before, i) => {
    x.data[i] = before + h;
    const above = value();
    x.data[i] = before - h;
    const below = value();
    x.data[i] = before;
    return (above - below) / (2 * h);
  });
}

type Case = [op: string, params: RefParams, shapes: Record<string, number[]>];

const conv = (x: number[], w: number[], params: RefParams, bias = true): Case => [
  'conv2d',
  params,
  { input: x, weight: w, ...(bias ? { bias: [w[0]!] } : {}) },
];
const batchNorm = (input: number[]): Record<string, number[]> => ({
  input,
  weight: [input[1]!],
  bias: [input[1]!],
});
const mask = [1, 0, 1, 1, 0, 1];
const statistics = { running_mean: [0.3, -0.2, 0.1], running_var: [0.8, 1.3, 0.5] };

const cases: Case[] = [
  conv([2, 2, 5, 4], [3, 2, 3, 3], { padding: 1 }),
  conv([1, 3, 7, 6], [2, 3, 3, 2], { stride: [2, 1], padding: [0, 1], dilation: [2, 3] }),
  conv([2, 4, 5, 5], [6, 2, 2, 3], { stride: 2, padding: 1, groups: 2 }),
  conv([1, 3, 6, 6], [3, 1, 3, 3], { stride: 2, padding: 1, groups: 3 }, false),
  ['linear', {}, { input: [3, 4], weight: [2, 4], bias: [2] }],
  ['linear', {}, { input: [2, 3], weight: [5, 3] }],
  ['matmul', {}, { a: [2, 3], b: [3, 4] }],
  ['max_pool2d', { kernel: 2, stride: 2, padding: 0 }, { input: [2, 2, 4, 5] }],
  ['max_pool2d', { kernel: [3, 2], stride: [1, 2], padding: 1 }, { input: [1, 2, 5, 4] }],
  ...['relu', 'relu6', 'silu', 'sigmoid', 'tanh', 'hardswish', 'gelu', 'leaky_relu'].map((op): Case => [
    op,
    {},
    { input: [3, 5] },
  ]),
  ...['abs', 'neg', 'exp', 'log', 'sqrt', 'square'].map((op): Case => [op, {}, { input: [3, 5] }]),
  ['avg_pool2d', { kernel: 3, stride: 2, padding: 1 }, { input: [2, 2, 5, 4] }],
  ['avg_pool2d', { kernel: [2, 3], padding: [1, 0], count_include_pad: false }, { input: [1, 2, 5, 4] }],
  ['adaptive_avg_pool2d', { output: 1 }, { input: [2, 2, 3, 4] }],
  ['adaptive_avg_pool2d', { output: [2, 3] }, { input: [1, 2, 5, 4] }],
  ['concat', { axis: 1 }, { a: [2, 3, 2], b: [2, 1, 2], c: [2, 2, 2] }],
  ['concat', { axis: -1 }, { a: [2, 3], b: [2, 2] }],
  ['narrow', { axis: 1, start: 1, length: 2 }, { input: [2, 4, 2, 1] }],
  ['channel_shuffle', { groups: 3 }, { input: [2, 6, 2, 1] }],
  ['interpolate_bilinear', { size: [5, 7] }, { input: [1, 2, 3, 4] }],
  ['interpolate_bilinear', { size: [2, 3] }, { input: [1, 2, 5, 4] }],
  ['normalise_channels', { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] }, { input: [2, 1, 2, 3] }],
  ['normalise_channels', { mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4] }, { input: [2, 3, 2, 1] }],
  ['flatten', {}, { input: [2, 3, 2, 2] }],
  ['stochastic_depth', { p: 0.25, mask: [1, 0, 1] }, { input: [3, 2, 2] }],
  ['dropout', { p: 0.4, mask }, { input: [2, 3] }],
  ...['add', 'sub', 'mul', 'div'].flatMap((op): Case[] => [
    [op, {}, { a: [2, 3, 2], b: [2, 3, 2] }],
    [op, {}, { a: [2, 3, 2, 2], b: [3, 1, 1] }],
    [op, {}, { a: [4, 1], b: [2, 1, 3] }],
    [op, {}, { a: [3], b: [] }],
  ]),
  ...['sum', 'mean'].flatMap((op): Case[] => [
    [op, { axes: [0, 2] }, { input: [2, 3, 4] }],
    [op, { axes: [-1], keepdim: true }, { input: [2, 3, 4] }],
    [op, {}, { input: [2, 3] }],
  ]),
  ['batch_norm_train', {}, batchNorm([4, 3])],
  ['batch_norm_train', { eps: 1e-3 }, batchNorm([2, 3, 2, 3])],
  ['batch_norm_eval', statistics, batchNorm([4, 3])],
  ['batch_norm_eval', { ...statistics, eps: 0.1 }, batchNorm([2, 3, 2, 2])],
  ['batch_norm_train', { activation: 'silu' }, { ...batchNorm([2, 3, 2, 2]), residual: [2, 3, 2, 2] }],
  ['batch_norm_eval', { ...statistics, activation: 'gelu' }, { ...batchNorm([4, 3]), residual: [4, 3] }],
  ['softmax', {}, { input: [3, 4] }],
  ['log_softmax', {}, { input: [3, 4] }],
  ['cross_entropy', { labels: [2, 0, 2] }, { input: [3, 4] }],
  ['cross_entropy', { labels: [2, 0, 3], weight: [1, 2, 0.5, 3], label_smoothing: 0.2 }, { input: [3, 4] }],
  [
    'cross_entropy',
    {
      targets: [
        [0.2, 0.8, 0],
        [0, 0, 1],
      ],
      weight: [1, 2, 0.5],
      label_smoothing: 0.1,
    },
    { input: [2, 3] },
  ],
];

describe('gradients of the oracle equal central differences', () => {
  it('of every operation', () => {
    expect([...new Set(cases.map(([op]) => op))].sort()).toEqual(Object.keys(references).sort());
  });

  it.each(cases)('%s %j %j', (op, params, shapes) => {
    // Divisors, and what log and sqrt take, stay away from zero, where differences say little.
    const offset = (name: string) => (op === 'log' || op === 'sqrt' || (op === 'div' && name === 'b') ? 2 : 0);
    const inputs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, randomTensor(shape, 2, offset(name))]),
    );
    const { forward, backward } = references[op]!;
    const dy = randomTensor(forward(inputs, params).shape);
    const grads = backward(inputs, params, dy);
    expect(Object.keys(grads).sort()).toEqual(Object.keys(inputs).sort());
    for (const [name, grad] of Object.entries(grads)) {
      const expected = numericalGradient(op, inputs, params, dy, name);
      expect(grad.shape).toEqual(inputs[name]!.shape);
      const difference = compare(name, grad.data, expected.data, grad.shape, () => 1e-8);
      expect(difference.excess, `${name}: ${difference.message}`).toBeLessThanOrEqual(1);
    }
  });
});

describe('the oracle equals PyTorch', () => {
  const known = goldens.ops.cases.filter((golden): golden is OpCase => golden.op in references);

  it('of every operation in the goldens', () => {
    const without = [
      'dropout',
      'stochastic_depth',
      'narrow',
      'normalise_channels',
      'flatten',
      'abs',
      'neg',
      'exp',
      'log',
      'sqrt',
      'square',
    ];
    expect([...new Set(known.map(golden => golden.op))].sort()).toEqual(
      Object.keys(references)
        .filter(op => !without.includes(op))
        .sort(),
    );
  });

  it.each(known.map((golden, i) => [`${golden.op} ${i}`, golden] as const))('%s', (_, golden) => {
    const { op, params } = golden;
    const inputs = Object.fromEntries(
      Object.entries(golden.inputs).map(([name, { shape, scale, offset }]) => [
        name,
        tensor(shape, fill(`${op}/${name}`, shape, seed, scale, offset)),
      ]),
    );
    const y = references[op]!.forward(inputs, params);
    expect(y.shape).toEqual(golden.output.shape);
    const grads = references[op]!.backward(inputs, params, tensor(y.shape, fill(`${op}/grad`, y.shape, seed)));
    const values = { output: golden.output.values, ...golden.grads };
    for (const [name, expected] of Object.entries(values)) {
      const { data, shape } = name === 'output' ? y : grads[name]!;
      const exact = (value: number) => 1e-12 * Math.max(1, Math.abs(value));
      const difference = compare(name, data, expected, shape, exact);
      expect(difference.excess, `${name}: ${difference.message}`).toBeLessThanOrEqual(1);
    }
  });

  it('in running statistics', () => {
    const running = goldens.ops.cases.filter((golden): golden is RunningCase => golden.op === 'batch_norm_running');
    expect(running.length).toBeGreaterThan(0);
    for (const { params, inputs, output } of running) {
      const { name, shape, scale, offset } = inputs.input;
      const x = tensor(shape, fill(name!, shape, seed, scale, offset));
      const after = batchNormRunning(x, params, params.momentum);
      for (const key of ['running_mean', 'running_var'] as const) {
        expect(compare(key, after[key], output[key], [shape[1]!], () => 1e-12).excess).toBeLessThanOrEqual(1);
      }
    }
  });

  const updates: Record<string, Update> = {
    sgd: sgd({ lr: 0.1 }),
    'sgd momentum=0.9 weight_decay=0.01': sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.01 }),
    'sgd momentum=0.9 nesterov weight_decay=0.0001': sgd({
      lr: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 1e-4,
    }),
    adam: adam({ lr: 1e-2 }),
    'adam weight_decay=0.01': adam({ lr: 1e-2, weightDecay: 0.01 }),
    'adamw weight_decay=0.05': adamW({ lr: 1e-2, weightDecay: 0.05 }),
    rmsprop: rmsProp({ lr: 1e-2 }),
  };
  it.each(goldens.training.cases.optimizers.map(golden => [golden.optimizer, golden.steps] as const))(
    'in the steps of %s',
    (name, steps) => {
      const p = Float64Array.from(fill('optimizer/p', [17], goldens.training.seed));
      steps.forEach((expected, k) => {
        updates[name]!(p, Float64Array.from(fill(`optimizer/g${k}`, [17], goldens.training.seed)));
        expect(compare(`step ${k}`, p, expected, [17], () => 1e-13).excess).toBeLessThanOrEqual(1);
      });
    },
  );
});

describe('the oracle at the edges', () => {
  it('sends the gradient of tied maxima to the first', () => {
    const x = tensor([1, 1, 2, 4], [1, 1, 0, 2, 1, 1, 2, 2]);
    const dy = tensor([1, 1, 1, 2], [5, 7]);
    const { input } = references.max_pool2d!.backward({ input: x }, { kernel: 2, stride: 2 }, dy);
    expect([...input!.data]).toEqual([5, 0, 0, 7, 0, 0, 0, 0]);
  });

  it('pads max pooling with minus infinity, not zero', () => {
    const x = tensor([1, 1, 2, 2], [-1, -2, -3, -4]);
    const y = references.max_pool2d!.forward({ input: x }, { kernel: 3, stride: 2, padding: 1 });
    expect([...y.data]).toEqual([-1]);
  });

  it('gives relu no gradient at zero', () => {
    const { input } = references.relu!.backward({ input: tensor([3], [-1, 0, 1]) }, {}, tensor([3], [1, 1, 1]));
    expect([...input!.data]).toEqual([0, 0, 1]);
  });

  it("takes PyTorch's gradients where an activation has none", () => {
    const at = (op: string, x: number) =>
      references[op]!.backward({ input: tensor([1], [x]) }, {}, tensor([1], [1])).input!.data[0];
    expect([at('relu6', 0), at('relu6', 6), at('leaky_relu', 0)]).toEqual([0, 0, 0.01]);
    expect([at('hardswish', -3), at('hardswish', 3)]).toEqual([-0.5, 1.5]);
  });

  it('keeps softmax finite for large logits', () => {
    const x = tensor([1, 3], [1000, 999, -1000]);
    const p = references.softmax!.forward({ input: x }, {});
    expect(p.data[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 14);
    expect(references.cross_entropy!.forward({ input: x }, { labels: [2] }).data[0]).toBeCloseTo(
      2000.3132616875182,
      10,
    );
  });

  it('refuses shapes that do not broadcast', () => {
    expect(broadcastShape([5, 1, 3], [4, 1])).toEqual([5, 4, 3]);
    expect(() => broadcastShape([2, 3], [2])).toThrow('[2, 3] and [2] cannot be broadcast together');
    expect(count([])).toBe(1);
  });
});
