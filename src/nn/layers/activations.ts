import type { Activation } from '../../kernels/activation.js';
import { pointwise } from '../../kernels/pointwise.js';
import type { Tensor } from '../../tensor/index.js';
import { Module } from '../module.js';

/** An activation function as a layer. The layer before it takes it into its own kernel where it can. */
export abstract class ActivationModule extends Module {
  /** The operation that it computes, which layers before it may fuse. */
  abstract readonly kind: Activation;

  protected compute(x: Tensor): Tensor {
    return pointwise(this.kind, x);
  }
}

/** max(0, x), as torch.nn.ReLU; of any shape. */
export class ReLU extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'relu';
}

/** min(max(0, x), 6), as torch.nn.ReLU6; of any shape. */
export class ReLU6 extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'relu6';
}

/** x·sigmoid(x), also called swish. */
export class SiLU extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'silu';
}

/** 1 / (1 + exp(−x)), as torch.nn.Sigmoid; of any shape. */
export class Sigmoid extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'sigmoid';
}

/** The hyperbolic tangent, as torch.nn.Tanh; of any shape. */
export class Tanh extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'tanh';
}

/** x · min(max(0, x + 3), 6) / 6, as torch.nn.Hardswish; of any shape. */
export class Hardswish extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'hardswish';
}

/** The exact one, x·Φ(x). */
export class GELU extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'gelu';
}

/** Slope 0.01 below zero, PyTorch's default. */
export class LeakyReLU extends ActivationModule {
  /** As `ops` calls it. */
  readonly kind = 'leaky_relu';
}
