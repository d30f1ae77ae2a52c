import { adaptiveAvgPool2d, avgPool2d } from '../../kernels/avg_pool2d.js';
import { maxPool2d } from '../../kernels/max_pool2d.js';
import type { Pair } from '../../kernels/op.js';
import type { Tensor } from '../../tensor/index.js';
import { Module } from '../module.js';

/** Maximum over windows of (N,C,H,W). */
export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    readonly stride: Pair = kernelSize,
    readonly padding: Pair = 0,
  ) {
    super();
  }

  protected compute(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, { stride: this.stride, padding: this.padding });
  }
}

/** Mean over windows of (N,C,H,W); padding counts as zeros, as torch.nn.AvgPool2d by default. */
export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    readonly stride: Pair = kernelSize,
    readonly padding: Pair = 0,
  ) {
    super();
  }

  protected compute(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, { stride: this.stride, padding: this.padding });
  }
}

/** Means of (N,C,H,W) over windows that give an output of `outputSize`; 1 is global average pooling. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: Pair) {
    super();
  }

  protected compute(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}
