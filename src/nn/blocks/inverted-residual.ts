import type { Tensor } from '../../tensor/index.js';
import { BatchNorm2d, Conv2d, ReLU6, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import { withResidual } from './residual.js';

/**
 * MobileNetV2's block: 1x1 convolution to `expansion` times the channels, 3x3 depthwise convolution of `stride`, 1x1
 * convolution without activation; with a shortcut where the shape stays (torchvision's InvertedResidual; Sandler et al.,
 * "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018).
 */
export class InvertedResidual extends Module {
  /** Expansion (where channels grow), depthwise convolution, projection. */
  readonly conv: Sequential;
  readonly #shortcut: boolean;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super();
    const hidden = inChannels * expansion;
    const relu6 = () => ({ activation: new ReLU6() });
    this.conv = new Sequential(
      ...(expansion === 1 ? [] : [new ConvNormActivation(inChannels, hidden, 1, relu6())]),
      new ConvNormActivation(hidden, hidden, 3, { stride, groups: hidden, ...relu6() }),
      new Conv2d(hidden, outChannels, 1, { bias: false }),
      new BatchNorm2d(outChannels),
    );
    this.#shortcut = stride === 1 && inChannels === outChannels;
  }

  protected compute(x: Tensor): Tensor {
    return this.#shortcut ? withResidual(this.conv, x, x) : this.conv.forward(x);
  }
}
