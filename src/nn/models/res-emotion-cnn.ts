import type { Tensor } from '../../tensor/index.js';
import { BasicBlock } from '../blocks/index.js';
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** A dilated first convolution (64), two residual blocks (128, 256), max pools between, 512 hidden units with dropout. */
export class ResEmotionCNN extends Module {
  readonly block1: Sequential;
  readonly res1: BasicBlock;
  readonly res2: BasicBlock;
  readonly pool = new MaxPool2d(2, 2);
  readonly classifier: Sequential;

  constructor({ classes, channels, side, dropout, se }: Settings & { dropout: number; se: boolean }) {
    super();
    this.block1 = new Sequential(
      new Conv2d(channels, 64, 3, { padding: 2, dilation: 2 }),
      ...[new BatchNorm2d(64), new ReLU(), new MaxPool2d(2, 2)],
    );
    this.res1 = new BasicBlock(64, 128, { se });
    this.res2 = new BasicBlock(128, 256, { se });
    this.classifier = new Sequential(
      ...[new Flatten(), new Dropout(dropout), new Linear(256 * side * side, 512), new ReLU()],
      ...[new Dropout(dropout), new Linear(512, classes)],
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    const half = this.pool.forward(this.res1.forward(this.block1.forward(x)));
    return this.classifier.forward(this.pool.forward(this.res2.forward(half)));
  }
}

export const resEmotionCNN = defineModel('res-emotion-cnn', {
  description: 'a dilated convolution and two residual blocks',
  channels: 1,
  size: 48,
  classes: 7,
  extras: { dropout: 0.5, se: false },
  side: size => Math.floor(size / 8),
  build: settings => new ResEmotionCNN(settings),
});
