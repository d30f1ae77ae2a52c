import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { BasicBlock, ConvNormActivation } from '../blocks/index.js';
import { AdaptiveAvgPool2d, Linear, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/**
 * A 3x3 stem to 32 channels, three stages of two residual blocks (32, 64, 128 channels), the first of each with stride 2,
 * global average pooling and one linear layer.
 */
export class MiniResNet extends Module {
  readonly stem: ConvNormActivation;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc: Linear;

  constructor({ classes, channels, se }: Settings & { se: boolean }) {
    super();
    const stage = (inChannels: number, outChannels: number) =>
      new Sequential(
        new BasicBlock(inChannels, outChannels, { stride: 2, se }),
        new BasicBlock(outChannels, outChannels, { se }),
      );
    this.stem = new ConvNormActivation(channels, 32, 3, { activation: new ReLU() });
    this.layer1 = stage(32, 32);
    this.layer2 = stage(32, 64);
    this.layer3 = stage(64, 128);
    this.fc = new Linear(128, classes);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    const features = this.layer3.forward(this.layer2.forward(this.layer1.forward(this.stem.forward(x))));
    return this.fc.forward(flatten(this.avgpool.forward(features)));
  }
}

export const miniResNet = defineModel('mini-resnet', {
  description: 'three stages of two residual blocks, 32 to 128 channels',
  channels: 1,
  size: 48,
  classes: 7,
  extras: { se: false },
  build: settings => new MiniResNet(settings),
});
