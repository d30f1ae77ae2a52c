export { activationNumber, ACTIVATIONS, type Activation, type OutputActivation } from './activation.js';
export {
  augmentImages,
  averageViews,
  gaussianBlur,
  gaussianKernel,
  mixImages,
  packImages,
  type AugmentNormalisation,
  type AugmentOptions,
  type AugmentSource,
  type Mix,
  type ViewAverage,
} from './augment.js';
export {
  NOISE_STREAM,
  type Affine,
  type AffineStage,
  type AugmentSample,
  type Box,
  type Fill,
} from './augment_records.js';
export { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, type AvgPoolOptions } from './avg_pool2d.js';
export { batchNorm, type BatchNormOptions } from './batch_norm.js';
export { accumulate, add, binary, div, mul, scale, sub, type BinaryOp } from './binary.js';
export { channelShuffle } from './channel_shuffle.js';
export { chunk, concat, narrow, split } from './concat.js';
export { conv2d, type Conv2dOptions } from './conv2d.js';
export { accumulateTotals, crossEntropy, type CrossEntropyOptions } from './cross_entropy.js';
export { dropout } from './dropout.js';
export {
  correctRecords,
  finishScaling,
  unscaleGradients,
  type RecordCorrection,
  type ScalerRule,
} from './grad_scaler.js';
export { normaliseImages } from './images.js';
export { interpolateBilinear } from './interpolate.js';
export { pullToStart } from './l2_sp.js';
export { linear, matmul } from './matmul.js';
export { maxPool2d, type PoolOptions } from './max_pool2d.js';
export { normaliseChannels, repeatChannels } from './normalise_channels.js';
export { ShapeError, type OpDefinition, type Pair } from './op.js';
export {
  averageWeight,
  CHUNK_BYTES,
  FROZEN_CHUNK,
  gradientNorm,
  normPartsBytes,
  optimizerStep,
  RECORD_HEADER,
  RECORD_SIZE,
  swapAverage,
  updateAverage,
  type Clipping,
  type FlatMemory,
  type UpdateConstants,
  type UpdateRule,
} from './optimizer.js';
export {
  activationBackward,
  gelu,
  hardswish,
  leakyRelu,
  pointwise,
  relu,
  relu6,
  sigmoid,
  silu,
  tanh,
  type PointwiseOp,
} from './pointwise.js';
export { mean, sum } from './reduce.js';
export { registry, type OpName } from './registry.js';
export { logSoftmax, softmax } from './softmax.js';
export { stochasticDepth } from './stochastic_depth.js';
export { flatten } from './transpose.js';
