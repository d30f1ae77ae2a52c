import { add } from '../../kernels/binary.js';
import type { Tensor } from '../../tensor/index.js';
import { Sequential, SiLU, StochasticDepth } from '../layers/index.js';
import { Module } from '../module.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import { withResidual } from './residual.js';
import { SqueezeExcitation } from './squeeze-excitation.js';

/** Sizes of an MBConv block, in channels and pixels. */
export interface MBConvOptions {
  readonly kernelSize: number;
  readonly stride: number;
  /** Ratio of the hidden channels to the input's. */
  readonly expansion: number;
  /** Probability of leaving the branch out, in training. */
  readonly dropProbability: number;
}

/**
 * EfficientNet's block: 1x1 convolution to more channels, depthwise convolution, squeeze-and-excitation to a quarter of the
 * input's channels, 1x1 convolution without activation; with a shortcut where the shape stays (torchvision's MBConv; Tan and
 * Le, "EfficientNet", 2019).
 */
export class MBConv extends Module {
  /** Expansion (where channels grow), depthwise convolution, squeeze-and-excitation, projection. */
  readonly block: Sequential;
  /** Drops the block for some samples while training, where it has a shortcut. */
  readonly stochastic_depth: StochasticDepth;
  readonly #shortcut: boolean;

  constructor(inChannels: number, outChannels: number, options: MBConvOptions) {
    super();
    const { kernelSize, stride, expansion, dropProbability } = options;
    const hidden = inChannels * expansion;
    const squeezed = Math.max(1, Math.floor(inChannels / 4));
    const silu = () => ({ activation: new SiLU() });
    this.block = new Sequential(
      ...(expansion === 1 ? [] : [new ConvNormActivation(inChannels, hidden, 1, silu())]),
      new ConvNormActivation(hidden, hidden, kernelSize, { stride, groups: hidden, ...silu() }),
      new SqueezeExcitation(hidden, squeezed, new SiLU()),
      new ConvNormActivation(hidden, outChannels, 1),
    );
    this.stochastic_depth = new StochasticDepth(dropProbability);
    this.#shortcut = stride === 1 && inChannels === outChannels;
  }

  protected compute(x: Tensor): Tensor {
    if (!this.#shortcut) return this.block.forward(x);
    if (this.stochastic_depth.active || this.stochastic_depth.hooked) {
      return add(this.stochastic_depth.forward(this.block.forward(x)), x);
    }
    return withResidual(this.block, x, x);
  }
}
