import { batchNorm } from '../../kernels/batch_norm.js';
import { ShapeError } from '../../kernels/op.js';
import { formatShape, Tensor, type Parameter } from '../../tensor/index.js';
import { constant } from '../init.js';
import { Module, type Epilogue } from '../module.js';

/**
 * Normalises each channel by the batch's statistics in training, and by the running ones in evaluation and while weight
 * and bias are frozen.
 */
export abstract class BatchNorm extends Module {
  /** (C) γ, at first 1. */
  readonly weight: Parameter;
  /** (C) β, at first 0. */
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

  /** Neither weight nor bias learns, so the statistics stand still as well. */
  get frozen(): boolean {
    return !this.weight.requiresGrad && !this.bias.requiresGrad;
  }

  override fuses(): boolean {
    return !this.hooked;
  }

  protected compute(x: Tensor, epilogue: Epilogue): Tensor {
    if (x.shape.length !== this.rank) {
      throw new ShapeError(`takes ${this.rank} dimensions; given ${formatShape(x.shape)}`);
    }
    const training = this.training && !this.frozen;
    if (training) this.#tracked.count++;
    return batchNorm(x, this.#runningMean, this.#runningVar, this.weight, this.bias, {
      ...this.options,
      training,
      ...epilogue,
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
