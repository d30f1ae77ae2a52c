import { describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../../src/data/dataset.js';
import { explain, type ExplainOptions } from '../../../src/evaluate/explain/explain.js';
import { lastBlock, spatialLayers } from '../../../src/evaluate/explain/layers.js';
import { overlayOf, pictureOf } from '../../../src/evaluate/explain/overlay.js';
import { compareMaps } from '../../../src/evaluate/explain/sanity.js';
import { flatten } from '../../../src/kernels/index.js';
import { Linear, modelRegistry, Module } from '../../../src/nn/index.js';
import { manualSeed, noGrad, scope, setDefaultDevice, Tensor } from '../../../src/tensor/index.js';
import { RandomStream } from '../../../src/util/random.js';
import { paths } from '../../devices.js';

const SIZE = 48;
const normalisation = { mean: [0.5], std: [0.25] };
const cam: ExplainOptions = { method: 'grad-cam', batchSize: 2 };

function noise(count: number): DataSet {
  const random = new RandomStream(3, 0);
  const images = Uint8Array.from({ length: count * SIZE * SIZE }, () => random.integer(256));
  const split: Split = { count, images, labels: Uint8Array.from({ length: count }, (_, i) => i % 7) };
  const classes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const splits = { train: split, val: split, test: split };
  return { name: 'noise', classes, channels: 1, height: SIZE, width: SIZE, splits, fingerprint: 'noise' };
}

async function setUp(name: string, count = 3) {
  const device = await paths.native();
  setDefaultDevice(device);
  manualSeed(5);
  const model = modelRegistry[name]!.create({ classes: 7 });
  const data = noise(count);
  const run = (options: ExplainOptions, indices = Uint32Array.from({ length: count }, (_, i) => i)) =>
    explain(device, { model, normalisation, augmenter: undefined }, data, data.splits.test, indices, options);
  return { device, model, data, run };
}

describe('spatialLayers and lastBlock', () => {
  it.each([
    ['mini-resnet', 'layer3', 6],
    ['gap-cnn', 'features', 6],
    ['resnet18-fer', 'layer4', 6],
  ])('%s: the last block is %s', async (name, layer, side) => {
    const { model } = await setUp(name);
    const x = Tensor.zeros([1, 1, SIZE, SIZE]).keep();
    const layers = spatialLayers(model, x);
    expect(lastBlock(layers, name)).toMatchObject({ name: layer, height: side, width: side });
    x.dispose();
    model.dispose();
  });

  it('a network without convolutions has none', async () => {
    const { model, run } = await setUp('simple-mlp');
    await expect(run(cam)).rejects.toThrow('has no convolutions');
    model.dispose();
  });
});

describe('grad-cam', () => {
  // Behind global average pooling and one linear layer the gradient of logit k is W[k][c]/(h·w), so the map is that of
  // Zhou et al. (2016): ReLU(Σ_c W[k][c]·A[c]), up to its scale.
  it('is the class activation map of a network that ends with global average pooling', async () => {
    const { model, data, run } = await setUp('gap-cnn', 3);
    const classes = [2, 4, 6];
    const explained = await run({ ...cam, classes });
    expect(explained).toMatchObject({ layer: 'features', count: 3, height: SIZE, width: SIZE, channels: 1 });
    expect([...explained.classes]).toEqual(classes);

    const weights = await model.namedParameters().get('classifier.weight')!.data();
    let features: Tensor | undefined;
    const unhook = model.get('features').registerForwardHook((_module, _x, y) => (features = y.keep()));
    const pixels = Float32Array.from(data.splits.test.images, byte => (byte / 255 - 0.5) / 0.25);
    model.eval();
    scope(() => noGrad(() => model.forward(Tensor.from(pixels, [3, 1, SIZE, SIZE]))));
    unhook();
    const a = await features!.data();
    features!.dispose();
    let seen = 0;
    for (let n = 0; n < 3; n++) {
      const small = Array.from({ length: 36 }, (_, i) => {
        let sum = 0;
        for (let c = 0; c < 256; c++) sum += weights[classes[n]! * 256 + c]! * a[(n * 256 + c) * 36 + i]!;
        return Math.max(0, sum);
      });
      const resized = reference(small);
      const scale = Math.max(...resized) || 1;
      resized.forEach((value, i) => {
        expect(explained.maps[n * SIZE * SIZE + i]).toBeCloseTo(value / scale, 4);
        if (value > 0) seen++;
      });
    }
    expect(seen).toBeGreaterThan(100);
    model.dispose();
  });

  it('leaves mode, parameters and hooks as they were, and explains what is predicted unless asked', async () => {
    const { model, run } = await setUp('mini-resnet', 3);
    model.train();
    model.freeze('stem*');
    const before = model.parameters().map(parameter => parameter.requiresGrad);
    const { classes, logits } = await run({ ...cam, layer: 'layer2.1' });
    expect(model.training).toBe(true);
    expect(model.parameters().map(parameter => parameter.requiresGrad)).toEqual(before);
    expect(before).toContain(false);
    expect([...model.namedModules()].some(([, module]) => module.hooked)).toBe(false);
    expect(model.parameters().every(parameter => parameter.grad === undefined)).toBe(true);
    for (let n = 0; n < 3; n++) {
      const row = [...logits.subarray(n * 7, (n + 1) * 7)];
      expect(classes[n]).toBe(row.indexOf(Math.max(...row)));
    }
    model.dispose();
  });

  it('grad-cam++ differs from grad-cam; both are between 0 and 1', async () => {
    const { model, run } = await setUp('mini-resnet', 2);
    const [plain, plus] = [await run(cam), await run({ ...cam, method: 'grad-cam++' })];
    for (const { maps } of [plain, plus]) {
      expect(Math.min(...maps)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...maps)).toBe(1);
    }
    expect(plus.maps).not.toEqual(plain.maps);
    model.dispose();
  });

  it('names the nearest layers where there is none of that name', async () => {
    const { model, run } = await setUp('mini-resnet');
    await expect(run({ ...cam, layer: 'layer33' })).rejects.toThrow("called 'layer33'; the nearest are layer3");
    await expect(run({ ...cam, classes: [7, 0, 0] })).rejects.toThrow('class 7 cannot be explained');
    expect([...model.namedModules()].some(([, module]) => module.hooked)).toBe(false);
    model.dispose();
  });

  it('maps of other weights differ, and the check says so', async () => {
    const one = await setUp('mini-resnet', 2);
    const maps = await one.run({ ...cam, classes: [1, 1] });
    one.model.dispose();
    const same = compareMaps(maps, maps);
    expect(same).toEqual({ correlation: expect.closeTo(1, 6) as number, difference: 0, compared: 2, passed: false });
    manualSeed(77);
    const model = modelRegistry['mini-resnet']!.create({ classes: 7 });
    const { device, data } = one;
    const other = await explain(
      device,
      { model, normalisation, augmenter: undefined },
      ...([data, data.splits.test, Uint32Array.of(0, 1), { ...cam, classes: [1, 1] }] as const),
    );
    expect(compareMaps(maps, other).passed).toBe(true);
    model.dispose();
  });
});

/** The gradient of its logits by a pixel is a weight. */
class Flat extends Module {
  readonly fc = new Linear(SIZE * SIZE, 7);
  protected compute(x: Tensor): Tensor {
    return this.fc.forward(flatten(x));
  }
}

it('smooth-grad of a linear network is the size of its weights', async () => {
  const { device, data, model: unused } = await setUp('simple-mlp', 2);
  unused.dispose();
  const model = new Flat();
  const weights = await model.fc.weight.data();
  const { maps, layer } = await explain(
    device,
    { model, normalisation, augmenter: undefined },
    ...([data, data.splits.test, Uint32Array.of(1, 0)] as const),
    { method: 'smooth-grad', batchSize: 2, classes: [3, 5], samples: 2 },
  );
  expect(layer).toBe('input');
  [3, 5].forEach((k, n) => {
    const row = weights.subarray(k * SIZE * SIZE, (k + 1) * SIZE * SIZE).map(Math.abs);
    const largest = Math.max(...row);
    row.forEach((value, i) => {
      expect(maps[n * SIZE * SIZE + i]).toBeCloseTo(value / largest, 5);
    });
  });
  model.dispose();
});

it('an overlay colours what is hot and leaves the rest', async () => {
  const { model, data, run } = await setUp('mini-resnet', 1);
  const explained = await run(cam);
  const [picture, overlay] = [pictureOf(explained, 0), overlayOf(explained, 0)];
  const { images } = data.splits.test;
  explained.maps.forEach((heat, i) => {
    expect([...picture.subarray(3 * i, 3 * i + 3)]).toEqual(new Array(3).fill(images[i]));
    if (heat === 0) expect([...overlay.subarray(3 * i, 3 * i + 3)]).toEqual(new Array(3).fill(images[i]));
  });
  const hottest = explained.maps.indexOf(1);
  const [r, g, b] = overlay.subarray(3 * hottest, 3 * hottest + 3);
  expect(r).toBeGreaterThan(Math.max(g!, b!));
  model.dispose();
});

/** (6,6) to (48,48), bilinear between the centres of pixels. */
function reference(map: readonly number[]): number[] {
  const at = (i: number) => Math.min(5, Math.max(0, (i + 0.5) / 8 - 0.5));
  return Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [v, u] = [at(Math.floor(i / SIZE)), at(i % SIZE)];
    let sum = 0;
    map.forEach((value, j) => {
      const wy = Math.max(0, 1 - Math.abs(v - Math.floor(j / 6)));
      const wx = Math.max(0, 1 - Math.abs(u - (j % 6)));
      sum += wy * wx * value;
    });
    return sum;
  });
}
