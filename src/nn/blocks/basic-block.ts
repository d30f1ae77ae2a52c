import type { Tensor } from '../../tensor/index.js';
import { activated, BatchNorm2d, Conv2d, ReLU } from '../layers/index.js';
import { Module } from '../module.js';
import { ConvNormActivation } from './conv-norm-activation.js';
import { withResidual } from './residual.js';
import { SqueezeExcitation } from './squeeze-excitation.js';

/** Share of a block's channels that squeeze-and-excitation keeps: the paper's reduction ratio of 16. */
const REDUCTION = 16;

/**
 * relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)) with 3x3 convolutions, the first of `stride`; the shortcut is a 1x1
 * convolution with batch normalisation where the shape changes (torchvision's BasicBlock; He et al., "Deep Residual Learning
 * for Image Recognition", 2016). With `se`, squeeze-and-excitation stands between bn2 and the sum.
 */
export class BasicBlock extends Module {
  /** 3×3, with the block's stride. */
  readonly conv1: Conv2d;
  /** Behind `conv1`. */
  readonly bn1: BatchNorm2d;
  /** Between the convolutions, and at the end. */
  readonly relu = new ReLU();
  /** 3×3, of stride 1. */
  readonly conv2: Conv2d;
  /** Behind `conv2`; takes the shortcut as its residual. */
  readonly bn2: BatchNorm2d;
  /** 1×1, on the shortcut, where the shape changes. */
  readonly downsample: ConvNormActivation | undefined;
  /** On the branch, before the sum; only where it is asked for. */
  readonly se: SqueezeExcitation | undefined;

  constructor(inChannels: number, outChannels: number, options: { stride?: number; se?: boolean } = {}) {
    super();
    const { stride = 1, se = false } = options;
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(outChannels);
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(outChannels);
    if (stride !== 1 || inChannels !== outChannels) {
      this.downsample = new ConvNormActivation(inChannels, outChannels, 1, { stride });
    }
    if (se) this.se = new SqueezeExcitation(outChannels, Math.max(1, Math.floor(outChannels / REDUCTION)));
  }

  protected compute(x: Tensor): Tensor {
    const identity = this.downsample?.forward(x) ?? x;
    const hidden = this.conv2.forward(activated(this.bn1, this.relu, this.conv1.forward(x)));
    if (!this.se) return withResidual(this.bn2, hidden, identity, this.relu);
    return withResidual(this.se, this.bn2.forward(hidden), identity, this.relu);
  }
}
