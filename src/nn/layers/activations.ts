import type { Activation } from '../../kernels/activation.js';
import { pointwise } from '../../kernels/pointwise.js';
import type { Tensor } from '../../tensor/index.js';
import { Module } from '../module.js';

/** An activation function as a layer. The layer before it takes it into its own kernel where it can. */
export abstract class ActivationModule extends Module {
  abstract readonly kind: Activation;

  protected compute(x: Tensor): Tensor {
    return pointwise(this.kind, x);
  }
}

export class ReLU extends ActivationModule {
  readonly kind = 'relu';
}

export class ReLU6 extends ActivationModule {
  readonly kind = 'relu6';
}

/** x·sigmoid(x), also called swish. */
export class SiLU extends ActivationModule {
  readonly kind = 'silu';
}

export class Sigmoid extends ActivationModule {
  readonly kind = 'sigmoid';
}

export class Tanh extends ActivationModule {
  readonly kind = 'tanh';
}

export class Hardswish extends ActivationModule {
  readonly kind = 'hardswish';
}

/** The exact one, x·Φ(x). */
export class GELU extends ActivationModule {
  readonly kind = 'gelu';
}

/** Slope 0.01 below zero, PyTorch's default. */
export class LeakyReLU extends ActivationModule {
  readonly kind = 'leaky_relu';
}
