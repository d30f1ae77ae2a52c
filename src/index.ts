/**
 * facegrad as a library: tensors and autograd on WebGPU, layers and networks, data sets, training and evaluation.
 *
 *     import { openDevice, setDefaultDevice, Tensor, ops } from 'facegrad';
 *     const device = await openDevice();
 *     setDefaultDevice(device);
 *     const y = ops.matmul(Tensor.ones([2, 3]), Tensor.ones([3, 4]));
 *     console.log(await y.data());
 *     device.destroy();
 */
export { Device, type DeviceOptions, type Dispatch } from './gpu/device.js';
export { DeviceLostError, OutOfGpuMemoryError } from './gpu/errors.js';
export { ampProblem, type MatrixShape, type Precision } from './gpu/matrices.js';
export { openDevice, type OpenOptions } from './gpu/node.js';
export * from './tensor/index.js';
export * as ops from './kernels/index.js';
export * as tuning from './kernels/tuning/index.js';
export * as nn from './nn/index.js';
export { Augmenter, type AugmentedImages } from './data/augment/augmenter.js';
export { equalize } from './data/augment/equalize.js';
export { presetSpec } from './data/augment/presets.js';
export { resolveSpec } from './data/augment/spec.js';
export type { AugmentSpec } from './data/augment/transforms.js';
export { loadDataSet, type LoadOptions } from './data/load.js';
export type { DataSet, Split, SplitName } from './data/dataset.js';
export { GradScaler, type ScalerOptions, type ScalerState } from './train/grad-scaler.js';
export {
  Adam,
  AdamW,
  RMSprop,
  SGD,
  type AdamOptions,
  type Optimizer,
  type ParameterGroupOptions,
  type RMSpropOptions,
  type SGDOptions,
} from './train/optim.js';
export { WeightAverage, type EmaOptions } from './train/ema.js';
export { initialise, readInit, type InitSource } from './train/init-weights.js';
export { L2Sp, type L2SpStrengths } from './train/l2-sp.js';
export * as schedulers from './train/schedulers/index.js';
export { train, type TrainContext } from './train/trainer.js';
export { trainRun, type RunContext } from './train/train-run.js';
export { newOptions } from './train/new-options.js';
export { readRecipe, recipeNames, type Recipe } from './train/recipes/index.js';
export { findLearningRate, type LrFindOptions, type LrFindResult, type LrPoint } from './train/lr-find.js';
export {
  kernelProfiles,
  profile,
  type KernelProfile,
  type Profile,
  type ProfileOptions,
} from './train/profile/profile.js';
export * as catalogue from './train/catalogue/index.js';
export { EventLog } from './train/event-log.js';
export { RunFolder } from './train/run.js';
export type { EpochRow, Reporter, TrainOptions, TrainSummary } from './train/types.js';
export { foldSplits, type Fold } from './data/folds.js';
export { evaluate, type Predictions } from './evaluate/evaluate.js';
export { combine, fitWeights, type FittedWeights } from './evaluate/ensemble.js';
export { evaluateWithTta, parseTta, type Tta } from './evaluate/tta.js';
export * as predict from './evaluate/predict/index.js';
export { readTrainedRun, readTrainedWeights, type Trained } from './evaluate/trained.js';
export { assess, type AssessOptions } from './evaluate/assess.js';
export type { Assessment } from './evaluate/assessment.js';
export { compareRuns, type RunComparison } from './evaluate/compare.js';
export { explain, type Explanations, type ExplainOptions } from './evaluate/explain/explain.js';
export { extractFeatures, type Features } from './evaluate/embed/features.js';
export { tsne, type TsneOptions } from './evaluate/embed/tsne.js';
export { umap } from './evaluate/embed/umap.js';
export { gatherMaterial, type RunMaterial } from './evaluate/report/material.js';
export { makeReport, writeReport, type Report } from './evaluate/report/report.js';
export { costOf, measureSpeed, type ModelCost, type ModelSpeed } from './evaluate/cost.js';
export * as metrics from './evaluate/metrics/index.js';
export * as server from './serve/index.js';
export * as tensorboard from './interop/tfevents/index.js';
export { castFloat, toFloat32, type FloatDtype } from './interop/cast.js';
export { decodePyTorch } from './interop/pytorch/index.js';
export { exportOnnx, type OnnxOptions, type Preprocessing } from './export/index.js';
export { decodeSafeTensors, encodeSafeTensors, type HostTensor, type SafeTensors } from './interop/safetensors.js';
export { convertWeights, type Conversion, type ConvertOptions } from './train/weights/convert.js';
export { readWeightsFile, type WeightsFile } from './train/weights/read.js';
export { NotImplementedError, UserError } from './util/errors.js';
