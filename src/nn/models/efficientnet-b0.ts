import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { ConvNormActivation, MBConv } from '../blocks/index.js';
import { fill, kaimingNormalFanOut, uniform } from '../init.js';
import { AdaptiveAvgPool2d, Conv2d, Dropout, Linear, Sequential, SiLU } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** Table 1 of the paper: expansion, kernel, stride of the first block, channels, blocks. */
const STAGES = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
] as const;
const BLOCKS = STAGES.reduce((total, stage) => total + stage[4], 0);
const LAST_CHANNELS = 1280;
/** Stochastic depth rises from 0 in the first block to nearly this. */
const DROP_PROBABILITY = 0.2;

/** torchvision.models.efficientnet_b0, initialisers included (Tan and Le, "EfficientNet", 2019). */
export class EfficientNetB0 extends Module {
  readonly features: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly classifier: Sequential;

  constructor({ classes, channels, dropout }: Settings & { dropout: number }) {
    super();
    let inChannels = 32;
    let done = 0;
    const layers: Module[] = [new ConvNormActivation(channels, inChannels, 3, { stride: 2, activation: new SiLU() })];
    for (const [expansion, kernelSize, stride, outChannels, blocks] of STAGES) {
      const stage: Module[] = [];
      for (let i = 0; i < blocks; i++) {
        const dropProbability = (DROP_PROBABILITY * done) / BLOCKS;
        const options = { kernelSize, stride: i === 0 ? stride : 1, expansion, dropProbability };
        stage.push(new MBConv(inChannels, outChannels, options));
        inChannels = outChannels;
        done++;
      }
      layers.push(new Sequential(...stage));
    }
    layers.push(new ConvNormActivation(inChannels, LAST_CHANNELS, 1, { activation: new SiLU() }));
    this.features = new Sequential(...layers);
    const head = new Linear(LAST_CHANNELS, classes);
    this.classifier = new Sequential(new Dropout(dropout), head);

    for (const [, module] of this.namedModules()) {
      if (!(module instanceof Conv2d)) continue;
      kaimingNormalFanOut(module.weight);
      if (module.bias) fill(module.bias, 0);
    }
    uniform(head.weight, 1 / Math.sqrt(classes));
    fill(head.bias!, 0);
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x))));
  }
}

export const efficientNetB0 = defineModel('efficientnet-b0', {
  description: "torchvision's EfficientNet-B0",
  channels: 3,
  size: 224,
  classes: 7,
  extras: { dropout: 0.2 },
  build: settings => new EfficientNetB0(settings),
});
