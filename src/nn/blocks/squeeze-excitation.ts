import { mul } from '../../kernels/binary.js';
import type { Tensor } from '../../tensor/index.js';
import { activated, AdaptiveAvgPool2d, Conv2d, ReLU, Sigmoid, type ActivationModule } from '../layers/index.js';
import { Module } from '../module.js';

/**
 * Scales each channel of x (N,C,H,W) by a gate in (0, 1) that two 1x1 convolutions compute from the means of all channels
 * (torchvision.ops.SqueezeExcitation; Hu et al., "Squeeze-and-Excitation Networks", 2018).
 */
export class SqueezeExcitation extends Module {
  /** The squeeze: (N,C,H,W) to (N,C,1,1). */
  readonly avgpool = new AdaptiveAvgPool2d(1);
  /** 1×1, down to fewer channels. */
  readonly fc1: Conv2d;
  /** 1×1, back to C channels. */
  readonly fc2: Conv2d;
  /** Between the two. */
  readonly activation: ActivationModule;
  /** Makes factors from 0 to 1. */
  readonly scale_activation = new Sigmoid();

  constructor(channels: number, squeezed: number, activation: ActivationModule = new ReLU()) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1);
    this.fc2 = new Conv2d(squeezed, channels, 1);
    this.activation = activation;
  }

  protected compute(x: Tensor): Tensor {
    const squeezed = activated(this.fc1, this.activation, this.avgpool.forward(x));
    return mul(x, activated(this.fc2, this.scale_activation, squeezed));
  }
}
