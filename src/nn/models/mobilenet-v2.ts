import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { ConvNormActivation, InvertedResidual } from '../blocks/index.js';
import { fill, kaimingNormalFanOut, normal } from '../init.js';
import { AdaptiveAvgPool2d, Conv2d, Dropout, Linear, ReLU6, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** Table 2 of the paper: expansion, channels, blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const LAST_CHANNELS = 1280;

/** torchvision.models.mobilenet_v2, initialisers included (Sandler et al., "MobileNetV2", 2018). */
export class MobileNetV2 extends Module {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly classifier: Sequential;

  constructor({ classes, channels, dropout }: Settings & { dropout: number }) {
    super();
    let inChannels = 32;
    const layers: Module[] = [new ConvNormActivation(channels, inChannels, 3, { stride: 2, activation: new ReLU6() })];
    for (const [expansion, outChannels, blocks, stride] of STAGES) {
      for (let i = 0; i < blocks; i++) {
        layers.push(new InvertedResidual(inChannels, outChannels, i === 0 ? stride : 1, expansion));
        inChannels = outChannels;
      }
    }
    layers.push(new ConvNormActivation(inChannels, LAST_CHANNELS, 1, { activation: new ReLU6() }));
    this.features = new Sequential(...layers);
    const head = new Linear(LAST_CHANNELS, classes);
    this.classifier = new Sequential(new Dropout(dropout), head);

    for (const [, module] of this.namedModules()) if (module instanceof Conv2d) kaimingNormalFanOut(module.weight);
    normal(head.weight, 0.01);
    fill(head.bias!, 0);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x))));
  }
}

export const mobileNetV2 = defineModel('mobilenet-v2', {
  description: "torchvision's MobileNetV2",
  channels: 3,
  size: 224,
  classes: 7,
  extras: { dropout: 0.2 },
  build: settings => new MobileNetV2(settings),
});
