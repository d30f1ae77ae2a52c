import type { Tensor } from '../../tensor/index.js';
import { Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { convBNReLU } from './conv-bn-relu.js';
import { defineModel, type Settings } from './definition.js';

/** Five 3x3 convolutions (2x32, 2x64, 128) with batch normalisation, three max pools, 256 hidden units, dropout. */
export class ImprovedCNN extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ classes, channels, side, dropout }: Settings & { dropout: number }) {
    super();
    this.features = new Sequential(
      ...[...convBNReLU(channels, 32), ...convBNReLU(32, 32), new MaxPool2d(2, 2)],
      ...[...convBNReLU(32, 64), ...convBNReLU(64, 64), new MaxPool2d(2, 2)],
      ...[...convBNReLU(64, 128), new MaxPool2d(2, 2)],
    );
    this.classifier = new Sequential(
      ...[new Flatten(), new Dropout(dropout), new Linear(128 * side * side, 256), new ReLU()],
      ...[new Dropout(dropout), new Linear(256, classes)],
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

export const improvedCNN = defineModel('improved-cnn', {
  description: 'five convolutions with batch normalisation, dropout in the head',
  channels: 1,
  size: 48,
  classes: 7,
  extras: { dropout: 0.5 },
  side: size => Math.floor(size / 8),
  build: settings => new ImprovedCNN(settings),
});
