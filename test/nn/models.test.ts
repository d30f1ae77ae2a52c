import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/gpu/node.js';
import { crossEntropy, sum } from '../../src/kernels/index.js';
import {
  AdaptedInput,
  BatchNorm2d,
  Conv2d,
  countMacs,
  countParameters,
  Dropout,
  IMAGENET,
  init,
  Linear,
  modelRegistry,
  StochasticDepth,
  summarize,
  type Module,
} from '../../src/nn/index.js';
import { backward, manualSeed, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { SGD } from '../../src/train/optim.js';
import { UserError } from '../../src/util/errors.js';
import { paths } from '../devices.js';

interface PyTorchModel {
  classes: number;
  channels: number;
  size: number;
  entries: number;
  sha256: string;
  parameters: number;
  macs: number;
}

/** What PyTorch says of each model; the hash is that of its state dict's names and shapes as JSON. */
const pyTorch = JSON.parse(readFileSync(new URL('pytorch-models.json', import.meta.url), 'utf8')) as Record<
  string,
  PyTorchModel
>;

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

const image = (shape: readonly number[]) =>
  Tensor.from(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(0.37 * i)),
    shape,
  );

describe('the registry', () => {
  it("has PyTorch's models, with the same state dicts, parameters and multiply-accumulates", async () => {
    const none = await openDevice({ backend: 'null' });
    setDefaultDevice(none);
    try {
      const found: Record<string, PyTorchModel> = {};
      for (const [name, { channels, size, classes, create }] of Object.entries(modelRegistry)) {
        const model = init.withoutValues(() => create());
        const state = [...model.namedModules()].flatMap(([prefix, module]) => stateOf(prefix, module));
        found[name] = {
          ...{ classes, channels, size, entries: state.length },
          sha256: createHash('sha256').update(JSON.stringify(state)).digest('hex'),
          parameters: countParameters(model),
          macs: countMacs(model, [channels, size, size]),
        };
        model.dispose();
      }
      expect(found).toEqual(pyTorch);
    } finally {
      setDefaultDevice(await paths.native());
      none.destroy();
    }
  });

  /** A module's own entries, without reading values. */
  function stateOf(prefix: string, module: Module): [string, readonly number[]][] {
    const at = (name: string) => (prefix === '' ? name : `${prefix}.${name}`);
    const parameters = module.ownParameters().map(([name, { shape }]) => [at(name), shape] as [string, number[]]);
    if (!('numFeatures' in module)) return parameters;
    const size = [module.numFeatures as number];
    return [...parameters, [at('running_mean'), size], [at('running_var'), size], [at('num_batches_tracked'), []]];
  }
});

describe('three steps', () => {
  const combinations = [
    { batch: 2, size: 0 },
    { batch: 3, size: 0 },
    { batch: 2, size: 8 },
  ];
  it.each(Object.values(modelRegistry))(
    'of $name at two batch sizes and two input sizes hold no more memory from the second on',
    async ({ channels, leastSize, create }) => {
      const { pool } = await paths.native();
      // The gradient of a loss by itself is made once a device and stays.
      scope(() => {
        backward(sum(Tensor.ones([1], { requiresGrad: true })));
      });
      const before = pool.liveCount;
      // Two pixels and more are left before the head, so that every batch normalisation has something to average.
      const least = Math.max(leastSize, channels === 3 ? 33 : 16);
      for (const { batch, size } of combinations) {
        manualSeed(1);
        const side = least + size;
        const model = create({ classes: 3, size: side });
        const optimizer = new SGD(model.parameters(), { lr: 1e-3, momentum: 0.9 });
        const x = image([batch, channels, side, side]);
        const labels = Tensor.from([0, 1, 2].slice(0, batch), [batch], { dtype: 'u32' });
        const live: number[] = [];
        const losses: number[] = [];
        for (let step = 0; step < 3; step++) {
          const loss = scope(() => {
            const value = crossEntropy(model.forward(x), labels);
            backward(value);
            optimizer.step();
            optimizer.zeroGrad();
            return value;
          });
          losses.push(await loss.item());
          loss.dispose();
          live.push(pool.liveBytes);
        }
        expect(live[2], `batch ${batch}, size ${side}`).toBe(live[1]);
        expect(losses.every(Number.isFinite)).toBe(true);
        expect(new Set(losses).size).toBe(3);
        optimizer.dispose();
        model.dispose();
        for (const tensor of [x, labels]) tensor.dispose();
      }
      expect(pool.liveCount).toBe(before);
    },
  );
});

describe('the least input', () => {
  const limited = Object.values(modelRegistry).filter(({ leastSize }) => leastSize > 1);

  it('is known for every model whose pools leave nothing of a smaller one', () => {
    expect(Object.fromEntries(limited.map(({ name, leastSize }) => [name, leastSize]))).toEqual({
      'simple-cnn': 8,
      'improved-cnn': 8,
      'gap-cnn': 8,
      'res-emotion-cnn': 8,
      'ferplus-cnn': 16,
      'ferplus-cnn-small': 6,
      'vgg13-ferplus': 16,
      'vgg-fer': 16,
    });
  });

  it.each(limited)('of $name is enough, and one less is refused', ({ name, leastSize, channels, create }) => {
    const model = init.withoutValues(() => create({ size: leastSize, classes: 2 })).eval();
    const forward = (size: number) => scope(() => model.forward(image([1, channels, size, size])).shape);
    expect(forward(leastSize)).toEqual([1, 2]);
    expect(() => forward(leastSize - 1)).toThrow();
    model.dispose();
    expect(() => create({ size: leastSize - 1 })).toThrow(UserError);
    expect(() => create({ size: leastSize - 1 })).toThrow(
      `${name}: images of ${leastSize - 1}x${leastSize - 1} are too small for its pools; it takes ${leastSize}x${leastSize} or more`,
    );
  });
});

describe('options', () => {
  const create = (name: string, options: Parameters<(typeof modelRegistry)[string]['create']>[0]) =>
    init.withoutValues(() => modelRegistry[name]!.create(options));
  const modulesOf = (model: Module) => [...model.namedModules()].map(([, module]) => module);

  it('are refused where a model does not have them', () => {
    expect(() => create('simple-mlp', { se: true })).toThrow(UserError);
    expect(() => create('simple-mlp', { se: true })).toThrow(
      'simple-mlp has no option se; it has classes, channels, size',
    );
    expect(() => create('ferplus-cnn', { dropout: 1.5 })).toThrow('dropout is from 0 to below 1, not 1.5');
    expect(() => create('mini-resnet', { channels: 0 })).toThrow('channels is a whole number of at least 1');
    expect(() => {
      modelRegistry['vgg-fer']!.check({ size: 15 });
    }).toThrow('16x16 or more');
  });

  it.each(Object.values(modelRegistry).filter(({ extras }) => extras.dropout !== undefined))(
    'dropout of $name is that of its head',
    ({ name, extras }) => {
      const head = (options: { dropout?: number }) =>
        modulesOf(create(name, options)).filter(
          (module): module is Dropout => module instanceof Dropout && module.p !== 0.25,
        );
      expect(head({}).length).toBeGreaterThan(0);
      for (const module of head({})) expect(module.p).toBe(extras.dropout);
      for (const module of head({ dropout: 0.4 })) expect(module.p).toBe(0.4);
    },
  );

  it('channels and size change the first layer and the head', () => {
    const model = create('simple-cnn', { channels: 3, size: 17, classes: 5 });
    const shapes = new Map([...model.namedParameters()].map(([name, { shape }]) => [name, shape]));
    expect(shapes.get('features.0.weight')).toEqual([16, 3, 3, 3]);
    expect(shapes.get('classifier.1.weight')).toEqual([128, 64 * 2 * 2]);
    expect(shapes.get('classifier.3.weight')).toEqual([5, 128]);
    const mobile = create('mobilenet-v2', { channels: 1, size: 32 });
    expect(mobile.namedParameters().get('features.0.0.weight')!.shape).toEqual([32, 1, 3, 3]);
  });

  it('activation chooses between relu and sigmoid', async () => {
    const outputs = (activation: 'relu' | 'sigmoid') => {
      manualSeed(2);
      const model = modelRegistry['ferplus-cnn']!.create({ activation }).eval();
      let output: Tensor | undefined;
      model.get('activation').registerForwardHook((_module, _input, y) => {
        output = y;
      });
      model.forward(image([1, 1, 48, 48]));
      return output!.data();
    };
    const [rectified, squashed] = [await outputs('relu'), await outputs('sigmoid')];
    expect(rectified.some(value => value === 0)).toBe(true);
    expect(squashed.every(value => value > 0 && value < 1)).toBe(true);
  });

  it('se adds its gates to every residual block, and trains', () => {
    for (const [name, blocks] of [
      ['mini-resnet', 6],
      ['res-emotion-cnn', 2],
      ['resnet18-fer', 8],
    ] as const) {
      const names = (se: boolean) => [...create(name, { se }).namedParameters().keys()];
      const added = names(true).filter(entry => !names(false).includes(entry));
      expect(added.length, name).toBe(4 * blocks);
      expect(added.every(entry => /\.se\.fc[12]\.(weight|bias)$|^res\d\.se/.test(entry))).toBe(true);
    }
    const model = modelRegistry['mini-resnet']!.create({ se: true, size: 8 });
    const logits = model.forward(image([2, 1, 8, 8]));
    backward(logits, Tensor.ones(logits.shape));
    for (const [name, { grad }] of model.namedParameters()) expect(grad, name).toBeDefined();
  });

  it('stochastic depth rises evenly from block to block', () => {
    const depths = modulesOf(create('efficientnet-b0', {})).filter(module => module instanceof StochasticDepth);
    expect(depths.map(({ p }) => p)).toEqual(Array.from({ length: 16 }, (_, i) => (0.2 * i) / 16));
  });
});

describe('initialisers', () => {
  const moments = (data: Float32Array) => {
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    return { mean, std: Math.sqrt(data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length) };
  };

  it.each([
    ['resnet18', 'layer2.0.conv2.weight', Math.sqrt(2 / (128 * 9)), 3],
    ['resnet18', 'conv1.weight', Math.sqrt(2 / (64 * 49)), 3],
    // A replaced stem keeps PyTorch's default: uniform within 1/√fan_in.
    ['resnet18-gray', 'conv1.weight', 1 / 7 / Math.sqrt(3), 1 / 7],
    ['resnet18-fer', 'conv1.weight', 1 / 3 / Math.sqrt(3), 1 / 3],
    ['resnet18-fer', 'layer1.0.conv1.weight', Math.sqrt(2 / (64 * 9)), 3],
    ['mobilenet-v2', 'features.3.conv.1.0.weight', Math.sqrt(2 / (144 * 9)), 3],
    ['mobilenet-v2', 'classifier.1.weight', 0.01, 1],
    ['shufflenet-v2', 'conv5.0.weight', 1 / Math.sqrt(3 * 464), 1 / Math.sqrt(464)],
    ['efficientnet-b0', 'features.8.0.weight', Math.sqrt(2 / 1280), 3],
    ['efficientnet-b0', 'classifier.1.weight', 1 / Math.sqrt(3 * 7), 1 / Math.sqrt(7)],
    ['mini-resnet', 'layer3.0.conv1.weight', 1 / Math.sqrt(3 * 64 * 9), 1 / Math.sqrt(64 * 9)],
  ])("of %s draw %s as PyTorch's do", async (name, parameter, std, most) => {
    manualSeed(3);
    const model = modelRegistry[name]!.create();
    const data = await model.namedParameters().get(parameter)!.data();
    const found = moments(data);
    const tolerance = 5 / Math.sqrt(data.length);
    expect(Math.abs(found.std / std - 1)).toBeLessThan(tolerance);
    expect(Math.abs(found.mean / std)).toBeLessThan(tolerance);
    expect(data.reduce((a, b) => Math.max(a, Math.abs(b)), 0)).toBeLessThanOrEqual(most);
    model.dispose();
  });

  it("set biases and batch normalisations as torchvision's do", async () => {
    const model = modelRegistry['efficientnet-b0']!.create();
    const parameters = model.namedParameters();
    for (const name of ['classifier.1.bias', 'features.1.0.block.1.fc1.bias', 'features.0.1.bias'])
      expect((await parameters.get(name)!.data()).every(value => value === 0)).toBe(true);
    expect((await parameters.get('features.0.1.weight')!.data()).every(value => value === 1)).toBe(true);
    model.dispose();
  });

  it('draw nothing inside withoutValues', async () => {
    const drawn = (skip: () => unknown) => {
      manualSeed(5);
      skip();
      return new Linear(4, 3).weight.data();
    };
    const first = await drawn(() => undefined);
    expect(await drawn(() => init.withoutValues(() => new Conv2d(8, 8, 3)))).toEqual(first);
    expect(await drawn(() => new Conv2d(8, 8, 3))).not.toEqual(first);
  });
});

describe('AdaptedInput', () => {
  it("resizes, repeats and normalises, and keeps the network's names", async () => {
    manualSeed(7);
    const inner = modelRegistry['shufflenet-v2']!.create({ size: 8, classes: 3 });
    const names = [...(await inner.stateDict()).keys()];
    const model = new AdaptedInput(inner, { size: 8, normalise: IMAGENET }).eval();
    expect([...(await model.stateDict()).keys()]).toEqual(names);
    expect(model.get('stage2.0.branch1.0')).toBeInstanceOf(Conv2d);
    let fed: Tensor | undefined;
    model.get('conv1').registerForwardHook((_module, input) => {
      fed = input;
    });
    // 4x4 to 8x8: the corner of the result lies outside the centres of the corner pixels, so it is the corner's value.
    const x = Tensor.from(
      Array.from({ length: 16 }, (_, i) => i / 16),
      [1, 1, 4, 4],
    );
    expect(model.forward(x).shape).toEqual([1, 3]);
    const input = await fed!.data();
    expect(fed!.shape).toEqual([1, 3, 8, 8]);
    for (const c of [0, 1, 2]) {
      const normalised = (value: number) => (value - IMAGENET.mean[c]!) / IMAGENET.std[c]!;
      expect(input[c * 64]).toBeCloseTo(normalised(0), 5);
      // (1,1) lies a quarter of a pixel right of and below the first centre: 0.25·1/16 + 0.25·4/16.
      expect(input[c * 64 + 9]).toBeCloseTo(normalised(1.25 / 16), 5);
      expect(input[c * 64 + 63]).toBeCloseTo(normalised(15 / 16), 5);
    }
    model.dispose();
  });
});

describe('summarize', () => {
  it('shows each layer of simple-cnn', () => {
    const model = modelRegistry['simple-cnn']!.create();
    model.freeze('features');
    const { layers, total } = summarize(model, [1, 48, 48]);
    expect(total).toEqual({
      parameters: 319_239,
      trainable: 319_239 - 160 - 4640 - 18_496,
      macs: 5_936_000,
      activationBytes: 4 * (16 * (48 ** 2 + 24 ** 2) + 32 * (24 ** 2 + 12 ** 2) + 64 * (12 ** 2 + 36) + 2304 + 128 + 7),
    });
    const byName = new Map(layers.map(layer => [layer.name, layer]));
    expect(byName.get('features.3')).toEqual({
      ...{ name: 'features.3', type: 'Conv2d', depth: 2, outputShape: [32, 24, 24], parameters: 4640, trainable: 0 },
      ...{ macs: 24 ** 2 * 32 * 16 * 9, activationBytes: 4 * 32 * 24 ** 2 },
    });
    // The relu's work is done by the convolution before it.
    expect(byName.get('features.4')).toMatchObject({ type: 'ReLU', outputShape: [32, 24, 24], activationBytes: 0 });
    expect(byName.get('')).toMatchObject({ type: 'SimpleCNN', depth: 0, outputShape: [7] });
    expect(model.training).toBe(true);
  });

  it('counts groups and shortcuts, at any size, and leaves no trace', async () => {
    const { pool } = await paths.native();
    const model = init.withoutValues(() => modelRegistry['mobilenet-v2']!.create());
    const before = pool.liveCount;
    const { layers } = summarize(model, [3, 32, 32]);
    expect(pool.liveCount).toBe(before);
    expect(layers.find(({ name }) => name === 'features.2.conv.1.0')!.macs).toBe(96 * 8 * 8 * 9);
    const batchNorms = [...model.namedModules()].filter(([, module]) => module instanceof BatchNorm2d);
    expect(layers.filter(({ type }) => type === 'BatchNorm2d').length).toBe(batchNorms.length);
    const resnet = init.withoutValues(() => modelRegistry['mini-resnet']!.create());
    const shortcut = summarize(resnet, [1, 20, 20]).layers.find(({ name }) => name === 'layer2.0.downsample.0');
    expect(shortcut).toMatchObject({ outputShape: [64, 5, 5], macs: 64 * 32 * 25 });
  });
});
