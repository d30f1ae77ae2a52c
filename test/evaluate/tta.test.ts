import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/data/augment/spec.js';
import { evaluate } from '../../src/evaluate/evaluate.js';
import { describeTta, evaluateWithTta, mirrored, parseTta, tenCropSpec } from '../../src/evaluate/tta.js';
import { modelRegistry } from '../../src/nn/index.js';
import { manualSeed, setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';
import { bandData } from '../train/small-run.js';

const normalisation = { mean: [0.4], std: [0.3] };

it('parseTta reads what there is, and says what there is', () => {
  expect(['flip', 'ten-crop', 'ten-crop:40'].map(parseTta)).toEqual([
    { kind: 'flip' },
    { kind: 'ten-crop' },
    { kind: 'ten-crop', size: 40 },
  ]);
  for (const text of ['flop', 'flip:3', 'ten-crop:0', 'ten-crop:x']) {
    expect(() => parseTta(text)).toThrow(`--tta ${text}: give flip, ten-crop`);
  }
  expect(describeTta({ kind: 'ten-crop', size: 40 })).toBe('mean over ten crops of 40 pixels of each image');
});

it('mirrored exchanges left and right, pixel by pixel', () => {
  const split = { count: 2, images: Uint8Array.from({ length: 24 }, (_, i) => i), labels: Uint8Array.of(0, 1) };
  // Two images of 2 rows, 2 columns, 3 channels.
  expect([...mirrored(split, { width: 2, channels: 3 }).images]).toEqual([
    ...[3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8],
    ...[15, 16, 17, 12, 13, 14, 21, 22, 23, 18, 19, 20],
  ]);
});

describe('tenCropSpec', () => {
  const faces = { height: 48, width: 48 };
  const crops = (size: number) => ({ 'ten-crop': { size: [size, size], at: 'test', average: 'softmax' } });
  const resize = (size: number) => ({ resize: { size: [size, size] } });

  it('takes seven eighths of the image where nothing else is known', () => {
    expect(tenCropSpec([], faces, faces)).toEqual([crops(42), resize(48)]);
  });

  it("keeps what resizes whole images, and takes the size of training's crops", () => {
    const trained = resolveSpec([{ 'resized-crop': { size: 64 } }, 'horizontal-flip', { crop: { size: 56 } }]);
    expect(tenCropSpec(trained, faces, { height: 56, width: 56 })).toEqual([resize(64), crops(56), resize(56)]);
    expect(tenCropSpec(trained, faces, { height: 56, width: 56 }, 50)).toEqual([resize(64), crops(50), resize(56)]);
  });

  it('refuses crops that are larger than the images', () => {
    expect(() => tenCropSpec([], faces, faces, 49)).toThrow('--tta ten-crop:49: the images have 48x48 pixels');
  });
});

describe('evaluateWithTta', () => {
  const data = bandData(10, 10, 21);
  const split = data.splits.test;

  it('means the probabilities of each image and its mirror image; ten crops of the whole image are the same', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    manualSeed(3);
    const model = modelRegistry['simple-mlp']!.create({ classes: 3, channels: 1, size: 48 });
    const placed = { model, normalisation, augmenter: undefined };
    const options = { ...normalisation, batchSize: 8 };
    const [plain, other] = [
      await evaluate(device, model, data, split, options),
      await evaluate(device, model, data, mirrored(split, data), options),
    ];
    const softmax = (logits: Float32Array, n: number) => {
      const powers = Array.from(logits.subarray(3 * n, 3 * n + 3), Math.exp);
      return powers.map(power => power / powers.reduce((a, b) => a + b));
    };
    const flip = await evaluateWithTta(device, placed, data, split, { batchSize: 8, tta: { kind: 'flip' } });
    for (let n = 0; n < split.count; n++) {
      const [a, b] = [softmax(plain.logits, n), softmax(other.logits, n)];
      softmax(flip.logits, n).forEach((p, k) => {
        expect(p).toBeCloseTo((a[k]! + b[k]!) / 2, 6);
      });
    }
    const crops = await evaluateWithTta(device, placed, data, split, {
      batchSize: 8,
      tta: { kind: 'ten-crop', size: 48 },
    });
    crops.logits.forEach((logit, i) => {
      expect(logit).toBeCloseTo(flip.logits[i]!, 4);
    });
    const smaller = await evaluateWithTta(device, placed, data, split, { batchSize: 8, tta: { kind: 'ten-crop' } });
    expect(smaller.loss).not.toBeCloseTo(flip.loss, 6);
    expect(await evaluateWithTta(device, placed, data, split, { batchSize: 8 })).toEqual(plain);
    model.dispose();
  });
});
