import { batchNorm } from '../kernels/batch_norm.js';
import { conv2d, type Conv2dOptions } from '../kernels/conv2d.js';
import { dropout } from '../kernels/dropout.js';
import { linear } from '../kernels/matmul.js';
import { maxPool2d } from '../kernels/max_pool2d.js';
import { pair, type Pair } from '../kernels/op.js';
import { relu } from '../kernels/pointwise.js';
import { flatten } from '../kernels/transpose.js';
import { Tensor, type Parameter } from '../tensor/index.js';
import { constant, defaultBias, defaultWeight } from './init.js';
import { Module } from './module.js';

/** A layer whose last kernel can end in a relu: Sequential calls it that way when a ReLU follows. */
export interface FusesRelu {
  forward(x: Tensor, relu?: boolean): Tensor;
}

/** y = x·weightᵀ + bias: weight (out, in), bias (out). */
export class Linear extends Module implements FusesRelu {
  readonly weight: Parameter;
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

  forward(x: Tensor, fuseRelu = false): Tensor {
    return linear(x, this.weight, this.bias, { activation: fuseRelu ? 'relu' : undefined });
  }
}

/** Convolution: weight (out, in/groups, kernel, kernel), bias (out). */
export class Conv2d extends Module implements FusesRelu {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly options: Omit<Conv2dOptions, 'activation'>;
  readonly kernelSize: readonly [number, number];

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: Pair,
    options: Omit<Conv2dOptions, 'activation'> & { bias?: boolean } = {},
  ) {
    super();
    const { bias = true, ...rest } = options;
    this.options = rest;
    this.kernelSize = pair(kernelSize);
    const shape = [outChannels, inChannels / (rest.groups ?? 1), ...this.kernelSize] as const;
    this.weight = defaultWeight(shape);
    this.bias = bias ? defaultBias(outChannels, shape[1] * shape[2] * shape[3]) : undefined;
  }

  forward(x: Tensor, fuseRelu = false): Tensor {
    return conv2d(x, this.weight, this.bias, { ...this.options, activation: fuseRelu ? 'relu' : undefined });
  }
}

abstract class BatchNorm extends Module implements FusesRelu {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #runningMean: Tensor;
  readonly #runningVar: Tensor;
  readonly #tracked = { count: 0 };
  protected abstract readonly rank: number;

  constructor(
    readonly numFeatures: number,
    private readonly options: { eps?: number; momentum?: number } = {},
  ) {
    super();
    this.weight = constant([numFeatures], 1);
    this.bias = constant([numFeatures], 0);
    this.#runningMean = Tensor.zeros([numFeatures]).keep();
    this.#runningVar = Tensor.ones([numFeatures]).keep();
    this.buffers.set('running_mean', this.#runningMean);
    this.buffers.set('running_var', this.#runningVar);
    this.buffers.set('num_batches_tracked', this.#tracked);
  }

  forward(x: Tensor, fuseRelu = false): Tensor {
    if (x.shape.length !== this.rank) {
      throw new Error(`${this.constructor.name} takes ${this.rank} dimensions, not (${x.shape.join(', ')})`);
    }
    if (this.training) this.#tracked.count++;
    return batchNorm(x, this.#runningMean, this.#runningVar, this.weight, this.bias, {
      ...this.options,
      training: this.training,
      activation: fuseRelu ? 'relu' : undefined,
    });
  }
}

/** Batch normalisation of vectors (N,C). */
export class BatchNorm1d extends BatchNorm {
  protected readonly rank = 2;
}

/** Batch normalisation of images (N,C,H,W). */
export class BatchNorm2d extends BatchNorm {
  protected readonly rank = 4;
}

export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    readonly stride: Pair = kernelSize,
    readonly padding: Pair = 0,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, { stride: this.stride, padding: this.padding });
  }
}

/** In training zeroes elements with probability `p` and scales the rest; else the identity. */
export class Dropout extends Module {
  constructor(public p = 0.5) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p) : x;
  }
}

/** (N, everything else). */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return flatten(x);
  }
}

/**
 * Modules one after the other, named by their position. A convolution, linear layer or batch normalisation followed by a
 * ReLU runs as one kernel that ends in the relu.
 */
export class Sequential extends Module {
  readonly #layers: readonly Module[];

  constructor(...layers: readonly Module[]) {
    super();
    this.#layers = layers;
  }

  override children(): [string, Module][] {
    return this.#layers.map((layer, i) => [String(i), layer]);
  }

  forward(x: Tensor): Tensor {
    for (let i = 0; i < this.#layers.length; i++) {
      const layer = this.#layers[i]!;
      const fuses = layer instanceof Conv2d || layer instanceof Linear || layer instanceof BatchNorm;
      if (fuses && this.#layers[i + 1] instanceof ReLU) {
        x = layer.forward(x, true);
        i++;
      } else {
        x = layer.forward(x);
      }
    }
    return x;
  }
}
