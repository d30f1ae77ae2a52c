import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { AdaptiveAvgPool2d, Linear, MaxPool2d, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { convBNReLU } from './conv-bn-relu.js';
import { defineModel, type Settings } from './definition.js';

/** Four 3x3 convolutions (32, 64, 128, 256) with batch normalisation, global average pooling, one linear layer. */
export class GAPCNN extends Module {
  readonly features: Sequential;
  readonly gap = new AdaptiveAvgPool2d(1);
  readonly classifier: Linear;

  constructor({ classes, channels }: Settings) {
    super();
    this.features = new Sequential(
      ...[...convBNReLU(channels, 32), new MaxPool2d(2, 2)],
      ...[...convBNReLU(32, 64), new MaxPool2d(2, 2)],
      ...[...convBNReLU(64, 128), new MaxPool2d(2, 2)],
      ...convBNReLU(128, 256),
    );
    this.classifier = new Linear(256, classes);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.gap.forward(this.features.forward(x))));
  }
}

export const gapCNN = defineModel('gap-cnn', {
  description: 'four convolutions with batch normalisation, global average pooling',
  channels: 1,
  size: 48,
  classes: 7,
  side: size => Math.floor(size / 8),
  build: settings => new GAPCNN(settings),
});
