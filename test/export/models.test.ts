import { beforeAll, describe, expect, it } from 'vitest';
import { toOnnx } from '../../src/export/onnx/index.js';
import type { HostTensor } from '../../src/interop/safetensors.js';
import { normaliseImages } from '../../src/kernels/index.js';
import { AdaptedInput, IMAGENET, modelRegistry, type Module } from '../../src/nn/index.js';
import { manualSeed, noGrad, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { onnxRuntime } from './onnxruntime.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

/** Batch normalisations as after a training: nothing is what it began as. */
async function randomised(model: Module): Promise<Map<string, HostTensor>> {
  const random = new RandomStream(3, 71);
  const state = await model.stateDict();
  for (const [name, module] of model.namedModules()) {
    if (!('numFeatures' in module)) continue;
    const set = (part: string, value: () => number) => {
      (state.get(`${name}.${part}`)!.data as Float32Array).forEach((_, i, data) => (data[i] = value()));
    };
    set('weight', () => 0.7 + 0.6 * random.uniform());
    set('bias', () => 0.4 * random.uniform() - 0.2);
    set('running_mean', () => 0.4 * random.uniform() - 0.2);
    set('running_var', () => 0.3 + random.uniform());
  }
  model.loadStateDict(state);
  return state;
}

function difference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

const ours = (model: Module, x: () => Tensor) => scope(() => noGrad(() => model.eval().forward(x()))).data();

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

describe('an exported network gives the logits of ours in onnxruntime', () => {
  it.each(Object.values(modelRegistry))('$name', async ({ channels, leastSize, classes, create }) => {
    manualSeed(5);
    // No need for their own sizes; with 33 a stride of 2 meets odd and even sizes.
    const size = Math.max(leastSize, channels === 3 ? 33 : 16);
    const model = create({ classes, size });
    const state = await randomised(model);
    const random = new RandomStream(4, 71);
    const shape = [3, channels, size, size];
    const x = Float32Array.from({ length: elements(shape) }, () => 4 * random.uniform() - 2);
    const expected = await ours(model, () => Tensor.from(x, shape));
    expect(difference(expected, new Float32Array(3 * classes))).toBeGreaterThan(1e-2);
    for (const foldBatchNorm of [false, true]) {
      const onnx = toOnnx(model, state, { channels, size, foldBatchNorm });
      const norms = onnx.graph.nodes.filter(({ opType }) => opType === 'BatchNormalization').length;
      expect(norms > 0).toBe(
        !foldBatchNorm && state.has([...state.keys()].find(key => key.endsWith('running_mean')) ?? ''),
      );
      const runtime = await onnxRuntime(onnx);
      expect(difference(await runtime.run(x, shape), expected)).toBeLessThan(1e-4);
      const one = x.subarray(0, elements(shape) / 3);
      expect(difference(await runtime.run(one, [1, ...shape.slice(1)]), expected.subarray(0, classes))).toBeLessThan(
        1e-4,
      );
      await runtime.release();
    }
    const mean = channels === 3 ? IMAGENET.mean : [0.45];
    const std = channels === 3 ? IMAGENET.std : [0.22];
    // Smaller images one way, larger the other; grey ones for colour networks.
    const [height, width] = [size - 5, size + 9];
    const bytes = Uint8Array.from({ length: 2 * height * width }, () => random.integer(256));
    const adapted = new AdaptedInput(model, { size, normalise: { mean, std } });
    const answers = await ours(adapted, () => normaliseImages(bytes, [2, 1, height, width], [0], [1]));
    const preprocess = { images: 'uint8', channels: 1, mean, std } as const;
    const runtime = await onnxRuntime(toOnnx(model, state, { channels, size, foldBatchNorm: true, preprocess }));
    expect(difference(await runtime.run(bytes, [2, 1, height, width]), answers)).toBeLessThan(1e-4);
    await runtime.release();
    model.dispose();
  });
});
