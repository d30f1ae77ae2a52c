import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { Linear, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** One hidden layer of 256 on the flattened image. */
export class SimpleMLP extends Module {
  readonly net: Sequential;

  constructor({ classes, channels, size }: Settings) {
    super();
    this.net = new Sequential(new Linear(channels * size * size, 256), new ReLU(), new Linear(256, classes));
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.net.forward(flatten(x));
  }
}

export const simpleMLP = defineModel('simple-mlp', {
  description: 'one hidden layer of 256',
  channels: 1,
  size: 48,
  classes: 7,
  build: settings => new SimpleMLP(settings),
});
