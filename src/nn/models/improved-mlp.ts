import type { Tensor } from '../../tensor/index.js';
import { BatchNorm1d, Dropout, Flatten, Linear, ReLU, Sequential } from '../layers.js';
import { Module } from '../module.js';

/** Three hidden layers (512, 256, 128) with batch normalisation and dropout on the flattened 48x48 image. */
export class ImprovedMLP extends Module {
  readonly net: Sequential;
  readonly #flatten = new Flatten();

  constructor(classes: number, dropout = 0.3) {
    super();
    this.net = new Sequential(
      ...[new Linear(48 * 48, 512), new BatchNorm1d(512), new ReLU(), new Dropout(dropout)],
      ...[new Linear(512, 256), new BatchNorm1d(256), new ReLU(), new Dropout(dropout)],
      ...[new Linear(256, 128), new BatchNorm1d(128), new ReLU()],
      new Linear(128, classes),
    );
  }

  /** x (N,1,48,48) to logits (N,classes). */
  forward(x: Tensor): Tensor {
    return this.net.forward(this.#flatten.forward(x));
  }
}
