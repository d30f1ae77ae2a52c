import type { OutputActivation } from '../../kernels/activation.js';
import { linear } from '../../kernels/matmul.js';
import type { Parameter, Tensor } from '../../tensor/index.js';
import { defaultBias, defaultWeight } from '../init.js';
import { Module, type Epilogue } from '../module.js';
import { endsInOutputActivation } from './epilogue.js';

/** y = x·weightᵀ + bias: weight (out, in), bias (out). */
export class Linear extends Module {
  /** (out, in). */
  readonly weight: Parameter;
  /** (out), unless the layer has none. */
  readonly bias: Parameter | undefined;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    this.weight = defaultWeight([outFeatures, inFeatures]);
    this.bias = (options.bias ?? true) ? defaultBias(outFeatures, inFeatures) : undefined;
  }

  override fuses(epilogue: Epilogue): boolean {
    return !this.hooked && endsInOutputActivation(epilogue);
  }

  protected compute(x: Tensor, { activation }: Epilogue): Tensor {
    return linear(x, this.weight, this.bias, { activation: activation as OutputActivation | undefined });
  }
}
