import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { activated, Conv2d, Linear, MaxPool2d, ReLU } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** One 5x5 convolution to 6 channels without padding, a max pool, 120 hidden units. */
export class FERPlusCNNSmall extends Module {
  readonly conv1: Conv2d;
  readonly pool = new MaxPool2d(2, 2);
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly relu = new ReLU();

  constructor({ classes, channels, side }: Settings) {
    super();
    this.conv1 = new Conv2d(channels, 6, 5);
    this.fc1 = new Linear(6 * side * side, 120);
    this.fc2 = new Linear(120, classes);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    const features = this.pool.forward(activated(this.conv1, this.relu, x));
    return this.fc2.forward(activated(this.fc1, this.relu, flatten(features)));
  }
}

export const ferPlusCNNSmall = defineModel('ferplus-cnn-small', {
  description: 'one convolution and 120 hidden units, for FER+',
  channels: 1,
  size: 48,
  classes: 10,
  side: size => Math.floor((size - 4) / 2),
  build: settings => new FERPlusCNNSmall(settings),
});
