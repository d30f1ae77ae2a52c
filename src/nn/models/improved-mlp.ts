import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { BatchNorm1d, Dropout, Linear, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** Three hidden layers (512, 256, 128) with batch normalisation and dropout on the flattened image. */
export class ImprovedMLP extends Module {
  readonly net: Sequential;

  constructor({ classes, channels, size, dropout }: Settings & { dropout: number }) {
    super();
    this.net = new Sequential(
      ...[new Linear(channels * size * size, 512), new BatchNorm1d(512), new ReLU(), new Dropout(dropout)],
      ...[new Linear(512, 256), new BatchNorm1d(256), new ReLU(), new Dropout(dropout)],
      ...[new Linear(256, 128), new BatchNorm1d(128), new ReLU()],
      new Linear(128, classes),
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.net.forward(flatten(x));
  }
}

export const improvedMLP = defineModel('improved-mlp', {
  description: 'three hidden layers with batch normalisation and dropout',
  channels: 1,
  size: 48,
  classes: 7,
  extras: { dropout: 0.3 },
  build: settings => new ImprovedMLP(settings),
});
