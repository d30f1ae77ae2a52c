import type { Tensor } from '../../tensor/index.js';
import { Flatten, Linear, ReLU, Sequential } from '../layers.js';
import { Module } from '../module.js';

/** One hidden layer of 256 on the flattened 48x48 image. */
export class SimpleMLP extends Module {
  readonly net: Sequential;
  readonly #flatten = new Flatten();

  constructor(classes: number) {
    super();
    this.net = new Sequential(new Linear(48 * 48, 256), new ReLU(), new Linear(256, classes));
  }

  /** x (N,1,48,48) to logits (N,classes). */
  forward(x: Tensor): Tensor {
    return this.net.forward(this.#flatten.forward(x));
  }
}
