import { batchNormEval, batchNormTrain } from './batch_norm.js';
import { conv2d } from './conv2d.js';
import {
  abs,
  activations,
  add,
  div,
  dropout,
  exp,
  flatten,
  log,
  mul,
  neg,
  sqrt,
  square,
  stochasticDepth,
  sub,
} from './elementwise.js';
import { interpolateBilinear, normaliseChannels } from './image.js';
import { linear, matmul } from './linear.js';
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from './pool.js';
import { channelShuffle, concat, narrow } from './rearrange.js';
import { mean, sum } from './reduce.js';
import { crossEntropy, logSoftmax, softmax } from './softmax.js';
import type { Reference } from './tensor.js';

export { batchNormRunning, type Running } from './batch_norm.js';
export { broadcastShape } from './elementwise.js';
export * from './optim.js';
export * from './tensor.js';

/** Every operation's float64 oracle, by its name in the goldens. */
export const references: Record<string, Reference> = Object.fromEntries(
  [
    conv2d,
    linear,
    matmul,
    maxPool2d,
    avgPool2d,
    adaptiveAvgPool2d,
    concat,
    narrow,
    channelShuffle,
    interpolateBilinear,
    normaliseChannels,
    ...Object.values(activations),
    abs,
    neg,
    exp,
    log,
    sqrt,
    square,
    dropout,
    stochasticDepth,
    flatten,
    add,
    sub,
    mul,
    div,
    sum,
    mean,
    batchNormTrain,
    batchNormEval,
    softmax,
    logSoftmax,
    crossEntropy,
  ].map(reference => [reference.name, reference]),
);
