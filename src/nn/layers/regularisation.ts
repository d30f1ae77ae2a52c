import { dropout } from '../../kernels/dropout.js';
import { stochasticDepth } from '../../kernels/stochastic_depth.js';
import type { Tensor } from '../../tensor/index.js';
import { Module } from '../module.js';

/** In training zeroes elements with probability `p` and scales the rest; else the identity. */
export class Dropout extends Module {
  constructor(public p = 0.5) {
    super();
  }

  protected compute(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p) : x;
  }
}

/**
 * In training zeroes whole images of a residual branch with probability `p` and scales the rest; else the identity
 * (torchvision.ops.StochasticDepth, mode 'row'; Huang et al., "Deep Networks with Stochastic Depth", 2016).
 */
export class StochasticDepth extends Module {
  constructor(public p: number) {
    super();
  }

  /** Whether it does anything now. */
  get active(): boolean {
    return this.training && this.p > 0;
  }

  protected compute(x: Tensor): Tensor {
    return this.active ? stochasticDepth(x, this.p) : x;
  }
}
