import type { Augmenter } from '../../data/augment/augmenter.js';
import type { DataSet, Split } from '../../data/dataset.js';
import type { Device } from '../../gpu/device.js';
import type { Module } from '../../nn/index.js';
import type { Normalisation } from '../../train/batches.js';
import { UserError } from '../../util/errors.js';
import { CAM_METHODS, type CamMethod } from './cam.js';
import { gradCam } from './grad-cam.js';
import { findLayer, lastBlock, spatialLayers, type SpatialLayer } from './layers.js';
import { smoothGrad, type SmoothGradOptions } from './smooth-grad.js';
import type { ExplainedBatch } from './target.js';
import { viewsOf } from './views.js';

export const EXPLANATION_METHODS = [...CAM_METHODS, 'smooth-grad'] as const;
export type ExplanationMethod = (typeof EXPLANATION_METHODS)[number];

/** What is explained, and how. */
export interface ExplainOptions extends SmoothGradOptions {
  readonly method: ExplanationMethod;
  /** Name of the layer whose activations are weighed; by default the last convolutional block. */
  readonly layer?: string | undefined;
  /** The class of each image that is explained; by default the predicted one. */
  readonly classes?: ArrayLike<number> | undefined;
  readonly batchSize: number;
  readonly onProgress?: (fraction: number) => void;
}

/** What a network looked at. */
export interface Explanations {
  readonly method: ExplanationMethod;
  /** The layer that the maps were taken from; of smooth-grad the input. */
  readonly layer: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** (count,H,W,C) bytes: the images as the network got them. */
  readonly pictures: Uint8Array;
  /** (count,H,W), each 0..1 with 1 for its hottest pixel; 0 everywhere where nothing speaks for the class. */
  readonly maps: Float32Array;
  readonly labels: Uint8Array;
  /** (count) the class that each map is of. */
  readonly classes: Uint8Array;
  /** (count,K) */
  readonly logits: Float32Array;
}

/**
 * Maps of what speaks for a class in images of a split.
 *
 * - grad-cam, grad-cam++: activations of a layer, weighed by the gradient of the class's logit (cam.ts), resized to the image.
 * - smooth-grad: the size of the logit's gradient with respect to pixels, its mean over noisy copies of the image
 *   (Smilkov et al. 2017); of several channels the largest.
 *
 * The model is run in evaluation mode and left in the mode in which it was; its parameters learn afterwards as before.
 * @throws UserError where there is no such layer, or none that has a height and a width
 */
export async function explain(
  device: Device,
  {
    model,
    normalisation,
    augmenter,
  }: { model: Module; normalisation: Normalisation; augmenter: Augmenter | undefined },
  data: DataSet,
  split: Split,
  indices: Uint32Array,
  options: ExplainOptions,
): Promise<Explanations> {
  if (indices.length === 0) throw new UserError('there are no images to explain');
  const parts: (ExplainedBatch & { pictures: Uint8Array; labels: Uint8Array })[] = [];
  let shape: readonly number[] = [];
  let layer: SpatialLayer | undefined;
  const training = model.training;
  // No gradient of a parameter is needed: only what lies behind the layer is recorded.
  const learning = model.parameters().filter(parameter => parameter.requiresGrad);
  for (const parameter of learning) parameter.requiresGrad = false;
  model.eval();
  try {
    for (let start = 0; start < indices.length; start += options.batchSize) {
      const chosen = indices.subarray(start, start + options.batchSize);
      const { x, pictures, labels } = await viewsOf(device, data, split, chosen, normalisation, augmenter);
      shape = x.shape;
      try {
        if (options.method !== 'smooth-grad' && !layer) {
          const layers = spatialLayers(model, x);
          layer = options.layer === undefined ? lastBlock(layers, 'the model') : findLayer(options.layer, layers);
        }
        const classes = options.classes && Uint8Array.from(chosen, (_, n) => options.classes![start + n]!);
        const part = layer
          ? await gradCam(model, x, layer, options.method as CamMethod, classes)
          : await smoothGrad(model, x, classes, options, start);
        parts.push({ ...part, pictures, labels });
      } finally {
        x.dispose();
      }
      options.onProgress?.(Math.min(1, (start + chosen.length) / indices.length));
    }
  } finally {
    for (const parameter of learning) parameter.requiresGrad = true;
    model.train(training);
  }
  const [, channels = 0, height = 0, width = 0] = shape;
  return {
    ...{ method: options.method, layer: layer?.name ?? 'input', count: indices.length, height, width, channels },
    pictures: joined(
      Uint8Array,
      parts.map(part => part.pictures),
    ),
    maps: joined(
      Float32Array,
      parts.map(part => part.maps),
    ),
    labels: joined(
      Uint8Array,
      parts.map(part => part.labels),
    ),
    classes: joined(
      Uint8Array,
      parts.map(part => part.classes),
    ),
    logits: joined(
      Float32Array,
      parts.map(part => part.logits),
    ),
  };
}

function joined<A extends Uint8Array | Float32Array>(make: new (length: number) => A, parts: readonly A[]): A {
  const all = new make(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
