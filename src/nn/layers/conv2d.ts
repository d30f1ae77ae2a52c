import type { OutputActivation } from '../../kernels/activation.js';
import { conv2d, type Conv2dOptions } from '../../kernels/conv2d.js';
import { pair, ShapeError, type Pair } from '../../kernels/op.js';
import type { Parameter, Tensor } from '../../tensor/index.js';
import { defaultBias, defaultWeight } from '../init.js';
import { Module, type Epilogue } from '../module.js';
import { endsInOutputActivation } from './epilogue.js';

type LayerOptions = Omit<Conv2dOptions, 'activation'>;

/**
 * Convolution: weight (out, in/groups, kernel, kernel), bias (out).
 * @throws ShapeError where groups do not divide both channels
 */
export class Conv2d extends Module {
  /** (O, I/groups, height, width). */
  readonly weight: Parameter;
  /** (O), unless the layer has none. */
  readonly bias: Parameter | undefined;
  /** Stride, padding, dilation and groups, as they were given. */
  readonly options: LayerOptions;
  /** (height, width) in pixels. */
  readonly kernelSize: readonly [number, number];

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: Pair,
    options: LayerOptions & { bias?: boolean } = {},
  ) {
    super();
    const { bias = true, ...rest } = options;
    const { groups = 1 } = rest;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ShapeError(
        `Conv2d: groups of ${groups} divide neither or only one of ${inChannels} and ${outChannels} channels`,
      );
    }
    this.options = rest;
    this.kernelSize = pair(kernelSize);
    const shape = [outChannels, inChannels / groups, ...this.kernelSize] as const;
    this.weight = defaultWeight(shape);
    this.bias = bias ? defaultBias(outChannels, shape[1] * shape[2] * shape[3]) : undefined;
  }

  override fuses(epilogue: Epilogue): boolean {
    return !this.hooked && endsInOutputActivation(epilogue);
  }

  protected compute(x: Tensor, { activation }: Epilogue): Tensor {
    return conv2d(x, this.weight, this.bias, {
      ...this.options,
      activation: activation as OutputActivation | undefined,
    });
  }
}
