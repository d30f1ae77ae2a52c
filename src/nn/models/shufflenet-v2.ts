import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { ConvNormActivation, ShuffleUnit } from '../blocks/index.js';
import { AdaptiveAvgPool2d, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** `units` shuffle units, the first of stride 2. */
function stage(inChannels: number, outChannels: number, units: number): Sequential {
  const rest = Array.from({ length: units - 1 }, () => new ShuffleUnit(outChannels, outChannels, 1));
  return new Sequential(new ShuffleUnit(inChannels, outChannels, 2), ...rest);
}

/** torchvision.models.shufflenet_v2_x1_0, which keeps PyTorch's default initialisers (Ma et al., "ShuffleNet V2", 2018). */
export class ShuffleNetV2 extends Module {
  readonly conv1: ConvNormActivation;
  readonly maxpool = new MaxPool2d(3, 2, 1);
  readonly stage2 = stage(24, 116, 4);
  readonly stage3 = stage(116, 232, 8);
  readonly stage4 = stage(232, 464, 4);
  readonly conv5 = new ConvNormActivation(464, 1024, 1, { activation: new ReLU() });
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc: Linear;

  constructor({ classes, channels }: Settings) {
    super();
    this.conv1 = new ConvNormActivation(channels, 24, 3, { stride: 2, activation: new ReLU() });
    this.fc = new Linear(1024, classes);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    let y = this.maxpool.forward(this.conv1.forward(x));
    for (const part of [this.stage2, this.stage3, this.stage4, this.conv5]) y = part.forward(y);
    return this.fc.forward(flatten(this.avgpool.forward(y)));
  }
}

export const shuffleNetV2 = defineModel('shufflenet-v2', {
  description: "torchvision's ShuffleNetV2 x1.0",
  channels: 3,
  size: 224,
  classes: 7,
  build: settings => new ShuffleNetV2(settings),
});
