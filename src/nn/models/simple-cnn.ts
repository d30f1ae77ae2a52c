import type { Tensor } from '../../tensor/index.js';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

function block(inChannels: number, outChannels: number): Module[] {
  return [new Conv2d(inChannels, outChannels, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2, 2)];
}

/** Three 3x3 convolutions (16, 32, 64), each with relu and 2x2 max pool, then 128 hidden units. */
export class SimpleCNN extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ classes, channels, side }: Settings) {
    super();
    this.features = new Sequential(...block(channels, 16), ...block(16, 32), ...block(32, 64));
    this.classifier = new Sequential(
      new Flatten(),
      ...[new Linear(64 * side * side, 128), new ReLU()],
      new Linear(128, classes),
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

export const simpleCNN = defineModel('simple-cnn', {
  description: 'three convolutions with max pooling, 128 hidden units',
  channels: 1,
  size: 48,
  classes: 7,
  side: size => Math.floor(size / 8),
  build: settings => new SimpleCNN(settings),
});
