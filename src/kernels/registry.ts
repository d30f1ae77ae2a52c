import { adaptiveAvgPool2dOp, avgPool2dOp } from './avg_pool2d.js';
import { batchNormEvalOp, batchNormRunningOp, batchNormTrainOp } from './batch_norm.js';
import { binaryOps } from './binary.js';
import { channelShuffleOp } from './channel_shuffle.js';
import { concatOp, narrowOp } from './concat.js';
import { conv2dOp } from './conv2d.js';
import { crossEntropyOp } from './cross_entropy.js';
import { dropoutOp } from './dropout.js';
import { interpolateBilinearOp } from './interpolate.js';
import { linearOp, matmulOp } from './matmul.js';
import { maxPool2dOp } from './max_pool2d.js';
import { normaliseChannelsOp } from './normalise_channels.js';
import type { OpDefinition } from './op.js';
import { pointwiseOps } from './pointwise.js';
import { meanOp, sumOp } from './reduce.js';
import { logSoftmaxOp, softmaxOp } from './softmax.js';
import { stochasticDepthOp } from './stochastic_depth.js';
import { flattenOp } from './transpose.js';

/** Every operation by its name in the goldens. A test fails for one that has no float64 reference. */
export const registry = {
  conv2d: conv2dOp,
  linear: linearOp,
  matmul: matmulOp,
  max_pool2d: maxPool2dOp,
  avg_pool2d: avgPool2dOp,
  adaptive_avg_pool2d: adaptiveAvgPool2dOp,
  concat: concatOp,
  narrow: narrowOp,
  channel_shuffle: channelShuffleOp,
  interpolate_bilinear: interpolateBilinearOp,
  normalise_channels: normaliseChannelsOp,
  batch_norm_train: batchNormTrainOp,
  batch_norm_eval: batchNormEvalOp,
  batch_norm_running: batchNormRunningOp,
  dropout: dropoutOp,
  stochastic_depth: stochasticDepthOp,
  flatten: flattenOp,
  sum: sumOp,
  mean: meanOp,
  softmax: softmaxOp,
  log_softmax: logSoftmaxOp,
  cross_entropy: crossEntropyOp,
  ...pointwiseOps,
  ...binaryOps,
} satisfies Record<string, OpDefinition>;

/** Name of an operation of the registry. */
export type OpName = keyof typeof registry;
