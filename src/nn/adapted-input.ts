import { interpolateBilinear } from '../kernels/interpolate.js';
import { normaliseChannels } from '../kernels/normalise_channels.js';
import type { Tensor } from '../tensor/index.js';
import { Module } from './module.js';

/** Means and deviations of ImageNet's pixels in 0..1, by channel: what torchvision's weights were trained with. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** How images become the input of a network. */
export interface InputAdaptation {
  /** Side of the square images that the network gets; the resize is bilinear (align_corners false). */
  readonly size: number;
  /** Each channel becomes (x − mean)/std; a grey image is repeated to as many channels as there are means. */
  readonly normalise?: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
}

/**
 * A network behind a pipeline on the GPU that makes its input from images of another size or from grey ones. Names of
 * parameters, buffers and layers are the network's own.
 */
export class AdaptedInput extends Module {
  readonly #model: Module;
  readonly #adaptation: InputAdaptation;

  constructor(model: Module, adaptation: InputAdaptation) {
    super();
    this.#model = model;
    this.#adaptation = adaptation;
  }

  override children(): [string, Module][] {
    return [['', this.#model]];
  }

  /** x (N,C,H,W), C the network's channels or 1, to what the network gives. */
  protected compute(x: Tensor): Tensor {
    // Both steps are linear, so a grey image is resized before it is repeated.
    const { size, normalise } = this.#adaptation;
    const resized = interpolateBilinear(x, size);
    return this.#model.forward(normalise ? normaliseChannels(resized, normalise.mean, normalise.std) : resized);
  }
}
