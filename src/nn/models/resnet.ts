import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { BasicBlock } from '../blocks/index.js';
import { kaimingNormalFanOut } from '../init.js';
import {
  activated,
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Identity,
  Linear,
  ReLU,
  Sequential,
} from '../layers/index.js';
import { Module } from '../module.js';
import type { Settings } from './definition.js';

/** The first convolution, and what follows it: torchvision's initialiser for it or PyTorch's default, a pool or none. */
export interface ResNetStem {
  readonly conv1: Conv2d;
  /** False where the convolution stands in for torchvision's own and has kept PyTorch's default initialiser. */
  readonly kaiming: boolean;
  readonly maxpool: Module;
}

/**
 * torchvision's resnet18 behind a stem of 64 channels: four stages of two residual blocks (64 to 512 channels), the last
 * three of stride 2, global average pooling, one linear layer. Convolutions are drawn as torchvision does, normal with
 * Kaiming's deviation by fan_out (He et al., "Deep Residual Learning for Image Recognition", 2016).
 */
export class ResNet18 extends Module {
  readonly conv1: Conv2d;
  readonly bn1 = new BatchNorm2d(64);
  readonly relu = new ReLU();
  readonly maxpool: Module;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly avgpool = new AdaptiveAvgPool2d(1);
  readonly fc: Linear;

  constructor({ conv1, kaiming, maxpool }: ResNetStem, { classes, se }: Settings & { se: boolean }) {
    super();
    const stage = (inChannels: number, outChannels: number, stride: number) =>
      new Sequential(
        new BasicBlock(inChannels, outChannels, { stride, se }),
        new BasicBlock(outChannels, outChannels, { se }),
      );
    this.conv1 = conv1;
    this.maxpool = maxpool;
    this.layer1 = stage(64, 64, 1);
    this.layer2 = stage(64, 128, 2);
    this.layer3 = stage(128, 256, 2);
    this.layer4 = stage(256, 512, 2);
    this.fc = new Linear(512, classes);
    for (const [, module] of this.namedModules()) {
      if (module instanceof Conv2d && (kaiming || module !== conv1)) kaimingNormalFanOut(module.weight);
    }
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    let y = this.maxpool.forward(activated(this.bn1, this.relu, this.conv1.forward(x)));
    for (const stage of [this.layer1, this.layer2, this.layer3, this.layer4]) y = stage.forward(y);
    return this.fc.forward(flatten(this.avgpool.forward(y)));
  }
}

/** torchvision's first convolution: 7x7 with stride 2. */
export function wideStem(channels: number): Conv2d {
  return new Conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false });
}

/** A first convolution for small images: 3x3 with stride 1, and no pool. */
export function narrowStem(channels: number): ResNetStem {
  return {
    conv1: new Conv2d(channels, 64, 3, { padding: 1, bias: false }),
    kaiming: false,
    maxpool: new Identity(),
  };
}
