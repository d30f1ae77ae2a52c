import { gradientFor, record, Tensor } from '../tensor/index.js';
import { linearGrid, WORKGROUP } from './grid.js';
import { requireShape, ShapeError, type OpDefinition } from './op.js';

/** Options of `crossEntropy`, those of torch.nn.functional.cross_entropy, and the focal loss. */
export interface CrossEntropyOptions {
  /** Class weights (K). */
  readonly weight?: Tensor | undefined;
  /** Share of the target spread over all classes, from 0 to 1. */
  readonly labelSmoothing?: number | undefined;
  /** The focal loss's γ: each −log q counts (1 − q)^γ times; 0, the default, is plain cross-entropy. */
  readonly focalGamma?: number | undefined;
}

/**
 * Softmax and cross-entropy of logits (N,K), mean over the batch as torch.nn.functional.cross_entropy: one element. Targets
 * are labels (N) of dtype u32 below K, or probabilities (N,K). With `focalGamma` it is the focal loss (cross_entropy.wgsl),
 * which class weights and smoothing change, and a mean divides, just like the cross-entropy.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, labelSmoothing = 0, focalGamma = 0 } = options;
  requireShape(logits.shape.length === 2, 'cross_entropy', 'takes logits (N,K)', logits);
  const [n, k] = logits.shape as [number, number];
  const soft = target.dtype === 'f32';
  requireShape(
    soft
      ? target.shape.length === 2 && target.shape[0] === n && target.shape[1] === k
      : target.shape.length === 1 && target.shape[0] === n,
    'cross_entropy',
    'takes labels (N) of dtype u32 or probabilities (N,K)',
    logits,
    target,
  );
  if (weight) requireShape(weight.size === k, 'cross_entropy', `takes class weights of shape (${k})`, weight);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ShapeError(`cross_entropy: label smoothing is from 0 to 1, not ${labelSmoothing}`);
  }
  if (!(focalGamma >= 0 && focalGamma < Infinity)) {
    throw new ShapeError(`cross_entropy: the focal loss's gamma is 0 or more, not ${focalGamma}`);
  }
  const device = logits.device;
  const params = { n, k, smoothing: labelSmoothing, gamma: focalGamma };
  const rows = Tensor.empty([n, 2], { device });
  const coefficients = Tensor.empty([n, k], { device });
  const loss = Tensor.empty([2], { device });
  const constants = { SOFT: soft, WEIGHTED: weight !== undefined, ...(focalGamma > 0 && { FOCAL: true }) };
  device.dispatch({
    shader: 'cross_entropy',
    entry: 'cross_entropy_rows',
    constants,
    bindings: {
      logits: logits.slice,
      labels: soft ? device.zeros : target.slice,
      target_probability: soft ? target.slice : device.zeros,
      class_weight: weight?.slice ?? device.zeros,
      rows: rows.slice,
      coefficients: coefficients.slice,
    },
    params,
    grid: [Math.ceil(n / WORKGROUP)],
  });
  device.dispatch({
    shader: 'cross_entropy',
    entry: 'cross_entropy_mean',
    constants,
    bindings: { rows_in: rows.slice, loss: loss.slice },
    params,
    grid: [1],
  });
  rows.dispose();
  return record('cross_entropy', [logits], loss.alias([]), dy => {
    const dx = gradientFor(logits);
    device.dispatch({
      shader: 'cross_entropy',
      entry: 'cross_entropy_backward',
      bindings: { coefficients_in: coefficients.slice, loss_in: loss.slice, dy: dy.slice, dx: dx.slice },
      params,
      grid: linearGrid(device, n * k),
    });
    return [dx];
  });
}

/**
 * Adds a batch to running `totals` (4): Σ loss·N, correct predictions, N, losses that were not finite. From the first
 * non-finite loss on nothing but their number is counted.
 */
export function accumulateTotals(totals: Tensor, logits: Tensor, loss: Tensor, labels: Tensor): void {
  const [n, k] = logits.shape as [number, number];
  logits.device.dispatch({
    shader: 'cross_entropy',
    entry: 'cross_entropy_totals',
    bindings: { logits: logits.slice, loss_value: loss.slice, truth: labels.slice, totals: totals.slice },
    params: { n, k, smoothing: 0, gamma: 0 },
    grid: [1],
  });
}

export const crossEntropyOp: OpDefinition = {
  shader: 'cross_entropy',
  inputs: ['input'],
  run: ({ input }, params) => {
    const [n, k] = input!.shape as [number, number];
    const target = params.targets
      ? Tensor.from((params.targets as number[][]).flat(), [n, k])
      : Tensor.from(params.labels as number[], [n], { dtype: 'u32' });
    return crossEntropy(input!, target, {
      weight: params.weight ? Tensor.from(params.weight as number[], [k]) : undefined,
      labelSmoothing: params.label_smoothing as number | undefined,
      focalGamma: params.focal_gamma as number | undefined,
    });
  },
};
