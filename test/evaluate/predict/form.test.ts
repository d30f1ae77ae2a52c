import { describe, expect, it } from 'vitest';
import { resolveSpec } from '../../../src/data/augment/spec.js';
import { formFor } from '../../../src/evaluate/predict/form.js';
import type { Trained } from '../../../src/evaluate/trained.js';

const grey: Trained = {
  ...{ file: 'weights', model: { model: 'simple-cnn' }, state: new Map(), equalize: false, tuning: new Map() },
  known: { classes: ['a', 'b'], mean: [0.5], std: [0.2] },
};

describe('formFor', () => {
  it('is that of the images in training', () => {
    const images = { channels: 1, height: 31, width: 31 };
    expect(formFor({ ...grey, images, equalize: true })).toEqual({ size: 31, channels: 1, equalize: true });
    expect(formFor({ ...grey, images }, { imageSize: 64 })).toMatchObject({ size: 64 });
  });

  it("is that of data loading where the weights do not say: the network's size, and a fifth more to crop from", () => {
    const augment = resolveSpec([{ 'center-crop': { size: [48, 48] } }]);
    expect(formFor(grey)).toEqual({ size: 48, channels: 1, equalize: false });
    expect(formFor({ ...grey, augment })).toMatchObject({ size: 58 });
    expect(formFor({ ...grey, model: { model: 'simple-cnn', inputSize: 20 } })).toMatchObject({ size: 20 });
  });

  it('has three channels for a network that normalises as ImageNet', () => {
    const trained: Trained = { ...grey, known: undefined, model: { model: 'resnet18', inputSize: 64 } };
    expect(formFor(trained)).toEqual({ size: 64, channels: 3, equalize: false });
  });

  it('refuses a network that was trained on images that are no squares', () => {
    const images = { channels: 1, height: 31, width: 30 };
    expect(() => formFor({ ...grey, images })).toThrow('30x31 pixels; predict makes square ones');
  });
});
