import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Trained } from '../../src/evaluate/trained.js';
import { compareWithOnnxRuntime } from '../../src/export/onnxruntime.js';
import { exportTrained, type ExportRequest } from '../../src/export/index.js';
import { presetSpec } from '../../src/data/augment/presets.js';
import { normaliseImages } from '../../src/kernels/index.js';
import { init } from '../../src/nn/index.js';
import { noGrad, scope, setDefaultDevice } from '../../src/tensor/index.js';
import { createModel, type ModelChoice } from '../../src/train/model.js';
import { UserError } from '../../src/util/errors.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { onnxRuntime } from './onnxruntime.js';
import { fillWeights } from './weights.js';

const CLASSES = ['angry', 'happy', 'sad'];
const COLOUR: ModelChoice = { model: 'shufflenet-v2', inputSize: 33 };
const GREY: ModelChoice = { model: 'simple-cnn', inputSize: 16 };

const useNative = async () => {
  setDefaultDevice(await paths.native());
};
beforeAll(useNative);
afterAll(useNative);

/** A network as it is trained on images of 20x26, and those weights. */
async function trainedOn(
  model: ModelChoice,
  known: { channels: number; mean: number[]; std: number[]; imagenet?: boolean },
) {
  await useNative();
  const data = { name: 'noise', channels: known.channels, height: 20, width: 26 };
  const imagenet = known.imagenet === true;
  const network = init.withoutValues(() => createModel(model, data, CLASSES.length, imagenet));
  const state = fillWeights(network);
  const { mean, std } = known;
  const trained: Trained = {
    ...{ file: 'weights', model, state, equalize: false, tuning: new Map() },
    known: { classes: CLASSES, mean, std, imagenet },
  };
  return { network, trained };
}

const request: ExportRequest = { version: '1.2.3' };

describe('a trained network as a file', () => {
  it.each([
    ['a grey one', GREY, { channels: 1, mean: [0.4], std: [0.2] }, [0.4]],
    ['one for colours, trained on grey images', COLOUR, { channels: 1, mean: [0.4], std: [0.2] }, [0.4, 0.4, 0.4]],
    [
      'one for colours that normalises as ImageNet',
      COLOUR,
      { channels: 3, mean: [0, 0, 0], std: [1, 1, 1], imagenet: true },
      [0.485, 0.456, 0.406],
    ],
  ])('takes bytes and answers as in training: %s', async (_, choice, known, mean) => {
    const { network, trained } = await trainedOn(choice, known);
    const random = new RandomStream(8, 71);
    const { channels } = known;
    const planes = Uint8Array.from({ length: 2 * channels * 520 }, () => random.integer(256));
    const inner = Uint8Array.from(planes, (_, i) => {
      const pixel = Math.floor(i / channels);
      return planes[(Math.floor(pixel / 520) * channels + (i % channels)) * 520 + (pixel % 520)]!;
    });
    const logits = scope(() =>
      noGrad(() => network.eval().forward(normaliseImages(inner, [2, channels, 20, 26], known.mean, known.std))),
    );
    const expected = await logits.data();
    network.dispose();

    const { bytes, model, alsoDone } = await exportTrained(trained, { ...request, preprocess: 'uint8' });
    const runtime = await onnxRuntime(bytes);
    const actual = await runtime.run(planes, [2, channels, 20, 26]);
    await runtime.release();
    for (const [i, logit] of expected.entries()) expect(Math.abs(actual[i]! - logit)).toBeLessThan(1e-4);
    expect(alsoDone).toEqual([]);
    expect(model.producer).toEqual({ name: 'facegrad', version: '1.2.3' });
    const { metadata, graph } = model;
    expect(graph.inputs).toEqual([{ name: 'images', type: 'uint8', shape: ['batch', channels, 'height', 'width'] }]);
    expect(graph.outputs).toEqual([{ name: 'logits', type: 'float32', shape: ['batch', 3] }]);
    expect(metadata.model).toBe(choice.model);
    expect(JSON.parse(metadata.classes!)).toEqual(CLASSES);
    expect(JSON.parse(metadata.mean!)).toEqual(mean);
    expect(JSON.parse(metadata.images!)).toEqual({ channels, size: choice.inputSize, values: 'uint8' });
  });

  it('is compared with ours in onnxruntime, images in 0..1 or normalised', async () => {
    const { network, trained } = await trainedOn(GREY, { channels: 1, mean: [0.4], std: [0.2] });
    network.dispose();
    for (const given of [request, { ...request, preprocess: 'float', opset: 20 } as const]) {
      const { bytes } = await exportTrained(trained, given);
      const { difference, tolerance } = await compareWithOnnxRuntime(bytes, trained, given, await paths.native());
      expect(difference).toBeLessThan(tolerance);
      // Another file's weights do not pass.
      const other = new Map(trained.state);
      other.set('classifier.3.bias', { dtype: 'F32', shape: [3], data: Float32Array.of(0, 1, 2) });
      const wrong = await compareWithOnnxRuntime(bytes, { ...trained, state: other }, given, await paths.native());
      expect(wrong.difference).toBeGreaterThan(0.5);
    }
  });

  it('counts the classes of weights that say nothing of themselves, and asks how they were normalised', async () => {
    const { network, trained } = await trainedOn(GREY, { channels: 1, mean: [0.4], std: [0.2] });
    network.dispose();
    const silent = { ...trained, known: undefined };
    const { model } = await exportTrained(silent, request);
    expect(model.graph.outputs[0]!.shape).toEqual(['batch', 3]);
    expect(Object.keys(model.metadata)).toEqual(['model', 'images']);
    await expect(exportTrained(silent, { ...request, preprocess: 'uint8' })).rejects.toThrow(/give --mean and --std/);
    const told = { preprocess: 'uint8', mean: [0.4], std: [0.2], classes: ['a', 'b', 'c'] } as const;
    const { metadata } = (await exportTrained(silent, { ...request, ...told })).model;
    expect([metadata.classes, metadata.mean]).toEqual(['["a","b","c"]', '[0.4]']);
  });

  it('tells what else was done to images', async () => {
    const { network, trained } = await trainedOn(GREY, { channels: 1, mean: [0.4], std: [0.2] });
    network.dispose();
    const augment = presetSpec('vgg-fer');
    const { alsoDone, model } = await exportTrained({ ...trained, equalize: true, augment }, request);
    expect(alsoDone[0]).toBe('their histograms equalised');
    expect(alsoDone[1]).toBe('ten-crop done to them in tests');
    expect(JSON.parse(model.metadata.also_done!)).toEqual(alsoDone);
  });

  it.each([
    ['an opset before 17', { opset: 16 }, /opset 16 cannot be written; 17 to 23 can/],
    ['classes that are not those of the weights', { classes: 4 }, /--classes says 4; weights tells 3 apart/],
    ['names of more classes than there are', { classes: ['a', 'b', 'c', 'd'] }, /wrong shape: classifier.3.weight/],
    ['a mean without a deviation for each', { mean: [0.1, 0.2, 0.3] }, /as many --mean and --std/],
  ] as [string, Partial<ExportRequest>, RegExp][])('refuses %s', async (_, given, message) => {
    const { network, trained } = await trainedOn(GREY, { channels: 1, mean: [0.4], std: [0.2] });
    network.dispose();
    const attempt = exportTrained(trained, { ...request, ...given });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(UserError);
  });
});
