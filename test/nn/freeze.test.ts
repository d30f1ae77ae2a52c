import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { modelRegistry, type Module } from '../../src/nn/index.js';
import { matches } from '../../src/nn/pattern.js';
import { backward, manualSeed, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { UserError } from '../../src/util/errors.js';
import { paths } from '../devices.js';

let device: Device;

beforeAll(async () => {
  device = await paths.native();
  setDefaultDevice(device);
  manualSeed(6);
});

const image = () =>
  Tensor.from(
    Array.from({ length: 2 * 12 * 12 }, (_, i) => Math.cos(i)),
    [2, 1, 12, 12],
  );

/** One forward and backward; the names of the kernels that backward launched. */
function step(model: Module): string[] {
  const logits = model.forward(image());
  const dispatch = vi.spyOn(device, 'dispatch');
  backward(logits, Tensor.ones(logits.shape));
  const entries = dispatch.mock.calls.map(([{ entry }]) => entry);
  dispatch.mockRestore();
  return entries;
}

const learning = (model: Module) =>
  [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad).map(([name]) => name);

describe('patterns', () => {
  it.each([
    ['fc', ['fc.weight', 'fc.bias']],
    ['layer1', ['layer1.0.conv1.weight']],
    ['layer*', ['layer1.0.conv1.weight', 'layer2.1.bn1.bias']],
    ['*.bias', ['fc.bias', 'layer2.1.bn1.bias']],
    ['layer?.1', ['layer2.1.bn1.bias']],
    ['layer2.1.bn1.bias', ['layer2.1.bn1.bias']],
    [/bn\d/g, ['layer2.1.bn1.bias']],
    [/^fc/, ['fc.weight', 'fc.bias']],
    [
      ['layer1', /weight$/],
      ['fc.weight', 'layer1.0.conv1.weight'],
    ],
    ['c', []],
    ['layer1.0.con', []],
    ['fc.', []],
  ])('%o', (pattern, expected) => {
    const names = ['fc.weight', 'fc.bias', 'layer1.0.conv1.weight', 'layer2.1.bn1.bias'];
    expect(names.filter(name => matches(pattern, name)).sort()).toEqual([...expected].sort());
  });
});

describe('freeze', () => {
  it('takes gradients from the parameters it names, and the work for them', () => {
    const model = modelRegistry['simple-cnn']!.create({ size: 12 });
    const before = step(model);
    const names = model.freeze('features');
    expect(names).toEqual(['0', '3', '6'].flatMap(i => [`features.${i}.weight`, `features.${i}.bias`]));
    // What they had is gone: an optimiser must not go on with it.
    for (const name of names) expect(model.namedParameters().get(name)!.grad).toBeUndefined();
    model.zeroGrad();
    const after = step(model);
    const weightGradients = (entries: string[]) => entries.filter(entry => entry.startsWith('conv2d_backward')).length;
    expect(weightGradients(before)).toBeGreaterThanOrEqual(3);
    expect(weightGradients(after)).toBe(0);
    for (const [name, { grad }] of model.namedParameters()) {
      expect(grad === undefined, name).toBe(names.includes(name));
    }
    expect(learning(model)).toEqual([...model.namedParameters().keys()].filter(name => !names.includes(name)));
    expect(model.unfreeze('features.0')).toEqual(['features.0.weight', 'features.0.bias']);
    model.zeroGrad();
    step(model);
    expect(model.namedParameters().get('features.0.weight')!.grad).toBeDefined();
    expect(model.namedParameters().get('features.3.weight')!.grad).toBeUndefined();
  });

  it('keeps the statistics of a frozen batch normalisation, in training too', async () => {
    const model = modelRegistry['mini-resnet']!.create({ size: 12 }).train();
    const statistics = async () => {
      const state = await model.stateDict();
      return ['stem.1', 'layer3.1.bn2'].map(name => [
        state.get(`${name}.num_batches_tracked`)!.data[0],
        [...state.get(`${name}.running_mean`)!.data].map(Number),
      ]);
    };
    model.freeze('stem');
    const [stem, last] = await statistics();
    const x = image();
    const trained = await model.get('stem').forward(x).data();
    model.forward(x);
    const [stemAfter, lastAfter] = await statistics();
    expect(stemAfter).toEqual(stem);
    expect(lastAfter).not.toEqual(last);
    // It also normalises by them, so that the layer is the same in training and in evaluation.
    expect(trained).toEqual(await model.eval().get('stem').forward(x).data());
    // A weight alone does not stand for the layer.
    model.train().unfreeze('stem');
    model.freeze('stem.1.weight');
    model.forward(x);
    expect((await statistics())[0]).not.toEqual(stem);
  });

  it('refuses a pattern that matches nothing', () => {
    const model = modelRegistry['simple-mlp']!.create({ size: 4 });
    expect(() => model.freeze('layer4')).toThrow(UserError);
    expect(() => model.freeze('layer4')).toThrow('layer4 matches no parameter that is left; layers are net.0, net.2');
    expect(() => model.unfreeze(/x$/)).toThrow('/x$/ matches no parameter');
  });
});

describe('parameterGroups', () => {
  it('gives each parameter to the first pattern that matches, and the rest to a last group', () => {
    const model = modelRegistry['simple-cnn']!.create({ size: 8 });
    model.freeze('features.0');
    const groups = model.parameterGroups([
      { pattern: 'features', lr: 1e-4 },
      { pattern: '*.bias', lr: 1e-3, weightDecay: 0 },
    ]);
    expect(groups.map(({ names, lr, weightDecay }) => ({ names, lr, weightDecay }))).toEqual([
      { names: ['0', '3', '6'].flatMap(i => [`features.${i}.weight`, `features.${i}.bias`]), lr: 1e-4 },
      { names: ['classifier.1.bias', 'classifier.3.bias'], lr: 1e-3, weightDecay: 0 },
      { names: ['classifier.1.weight', 'classifier.3.weight'] },
    ]);
    const byName = model.namedParameters();
    for (const { names, parameters } of groups) expect(parameters).toEqual(names.map(name => byName.get(name)));
    expect(model.parameterGroups([{ pattern: '*' }]).length).toBe(1);
    expect(() => model.parameterGroups([{ pattern: '*' }, { pattern: 'features' }])).toThrow('that is left');
  });
});
