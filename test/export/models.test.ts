import { beforeAll, describe, expect, it } from 'vitest';
import { toOnnx } from '../../src/export/onnx/index.js';
import { normaliseImages } from '../../src/kernels/index.js';
import { AdaptedInput, IMAGENET, init, modelRegistry, type Module } from '../../src/nn/index.js';
import { noGrad, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { onnxRuntime } from './onnxruntime.js';
import { fillWeights } from './weights.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

/** The network's logits for batches of three and of one. */
const ours = async (model: Module, batches: readonly (() => Tensor)[]) => {
  const logits = batches.map(x => scope(() => noGrad(() => model.eval().forward(x()))));
  return Promise.all(logits.map(y => y.data()));
};

function expectClose(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  const worst = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(worst).toBeLessThan(1e-4);
}

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

describe('an exported network gives the logits of ours in onnxruntime', () => {
  it.each(Object.values(modelRegistry))('$name', async ({ name, channels, leastSize, classes, create }) => {
    // Smaller than their own sizes; with 33 a stride of 2 meets odd and even ones.
    const size = Math.max(leastSize, channels === 3 ? 33 : 16);
    const model = init.withoutValues(() => create({ classes, size }));
    // Gates halve what passes, time and again.
    const state = fillWeights(model, name === 'efficientnet-b0' ? 1.65 : undefined);
    const random = new RandomStream(4, 71);

    const shape = [3, channels, size, size];
    const x = Float32Array.from({ length: elements(shape) }, () => 4 * random.uniform() - 2);
    const first = x.subarray(0, x.length / 3);
    const [three, one] = await ours(model, [
      () => Tensor.from(x, shape),
      () => Tensor.from(first, [1, ...shape.slice(1)]),
    ]);
    // Two images differ by fifty times what is looked for.
    expect(Math.max(...one!.map((logit, k) => Math.abs(logit - three![classes + k]!)))).toBeGreaterThan(5e-3);
    const plain = toOnnx(model, state, { channels, size });
    const norms = [...state.keys()].filter(name => name.endsWith('running_mean')).length;
    expect(plain.graph.nodes.filter(({ opType }) => opType === 'BatchNormalization')).toHaveLength(norms);
    const runtime = await onnxRuntime(plain);
    expectClose(await runtime.run(x, shape), three!);
    expectClose(await runtime.run(first, [1, ...shape.slice(1)]), one!);
    await runtime.release();

    // Grey bytes, more of them one way and fewer the other than the network takes, with batch normalisation folded.
    const [mean, std] = channels === 3 ? [IMAGENET.mean, IMAGENET.std] : [[0.45], [0.22]];
    const [height, width] = [size - 5, size + 9];
    const bytes = Uint8Array.from({ length: 3 * height * width }, () => random.integer(256));
    const grey = bytes.subarray(0, height * width);
    const adapted = new AdaptedInput(model, { size, normalise: { mean, std } });
    const [greyThree, greyOne] = await ours(adapted, [
      () => normaliseImages(bytes, [3, 1, height, width], [0], [1]),
      () => normaliseImages(grey, [1, 1, height, width], [0], [1]),
    ]);
    const preprocess = { images: 'uint8', channels: 1, mean, std } as const;
    const folded = toOnnx(model, state, { channels, size, foldBatchNorm: true, preprocess });
    expect(folded.graph.nodes.some(({ opType }) => opType === 'BatchNormalization')).toBe(false);
    const withImages = await onnxRuntime(folded);
    expectClose(await withImages.run(bytes, [3, 1, height, width]), greyThree!);
    expectClose(await withImages.run(grey, [1, 1, height, width]), greyOne!);
    await withImages.release();
    model.dispose();
  });
});
