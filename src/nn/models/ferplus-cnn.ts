import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { activated, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU, Sigmoid } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Extras, type Settings } from './definition.js';

/**
 * LeNet-like: two 5x5 convolutions without padding (6, 16) with batch normalisation and max pools, linear layers of 120 and
 * 84. Dropout comes before the activation.
 */
export class FERPlusCNN extends Module {
  readonly conv1: Conv2d;
  readonly bn1 = new BatchNorm2d(6);
  readonly pool = new MaxPool2d(2, 2);
  readonly conv2 = new Conv2d(6, 16, 5);
  readonly bn2 = new BatchNorm2d(16);
  readonly fc1: Linear;
  readonly fc2 = new Linear(120, 84);
  readonly fc3: Linear;
  readonly dropout: Dropout;
  readonly activation: ReLU | Sigmoid;

  constructor({ classes, channels, side, dropout, activation }: Settings & Pick<Extras, 'dropout' | 'activation'>) {
    super();
    this.conv1 = new Conv2d(channels, 6, 5);
    this.fc1 = new Linear(16 * side * side, 120);
    this.fc3 = new Linear(84, classes);
    this.dropout = new Dropout(dropout);
    this.activation = activation === 'relu' ? new ReLU() : new Sigmoid();
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    const first = this.pool.forward(activated(this.bn1, this.activation, this.conv1.forward(x)));
    const second = this.pool.forward(activated(this.bn2, this.activation, this.conv2.forward(first)));
    const third = this.activation.forward(this.dropout.forward(this.fc1.forward(flatten(second))));
    return this.fc3.forward(this.activation.forward(this.dropout.forward(this.fc2.forward(third))));
  }
}

/** 5x5 convolution without padding, then 2x2 max pool. */
const halved = (size: number) => Math.floor((size - 4) / 2);

export const ferPlusCNN = defineModel<Pick<Extras, 'dropout' | 'activation'>>('ferplus-cnn', {
  description: 'LeNet-like with batch normalisation and dropout, for FER+',
  channels: 1,
  size: 48,
  classes: 10,
  extras: { dropout: 0.2, activation: 'relu' },
  side: size => halved(halved(size)),
  build: settings => new FERPlusCNN(settings),
});
