import { flatten } from '../../kernels/transpose.js';
import type { Tensor } from '../../tensor/index.js';
import { Module } from '../module.js';

/** (N, everything else). */
export class Flatten extends Module {
  protected compute(x: Tensor): Tensor {
    return flatten(x);
  }
}

/** Its input. */
export class Identity extends Module {
  protected compute(x: Tensor): Tensor {
    return x;
  }
}
