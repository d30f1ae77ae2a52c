import { gradientFor, record, sameShape, Tensor, type Node } from '../tensor/index.js';
import { activationNumber, type Activation } from './activation.js';
import { BLOCK, linearGrid, splitCount, vectorised, WORKGROUP } from './grid.js';
import { requireShape, ShapeError, type OpDefinition } from './op.js';

/** Options of `batchNorm`, those of torch.nn.functional.batch_norm, and what is fused with it. */
export interface BatchNormOptions {
  /** Statistics of the batch (and move the running ones), else the running ones. */
  readonly training: boolean;
  readonly momentum?: number;
  readonly eps?: number;
  /** Ends in this activation, in the same kernels. */
  readonly activation?: Activation | undefined;
  /** Added before the activation; the shape of x. */
  readonly residual?: Tensor | undefined;
}

/** Rows below which a chunk of the statistics is not worth a workgroup of its own. */
const LEAST_ROWS = 64;

/**
 * Batch normalisation of x (N,C,H,W) or (N,C) by channel, as torch.nn.functional.batch_norm; weight, bias, runningMean and
 * runningVar are (C). In training the running statistics move by `momentum` (the variance unbiased). With a residual and an
 * activation the result is activation(batch_norm(x) + residual).
 * @throws ShapeError when training statistics would rest on one value a channel
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  weight: Tensor,
  bias: Tensor,
  options: BatchNormOptions,
): Tensor {
  const { training, momentum = 0.1, eps = 1e-5, activation, residual } = options;
  requireShape(x.shape.length === 2 || x.shape.length === 4, 'batch_norm', 'takes an input (N,C) or (N,C,H,W)', x);
  const channels = x.shape[1]!;
  for (const tensor of [runningMean, runningVar, weight, bias]) {
    requireShape(
      tensor.shape.length === 1 && tensor.shape[0] === channels,
      'batch_norm',
      `takes statistics, weight and bias of shape (${channels})`,
      x,
      tensor,
    );
  }
  if (residual) {
    requireShape(
      sameShape(x.shape, residual.shape),
      'batch_norm',
      "takes a residual of the input's shape",
      x,
      residual,
    );
  }
  const rows = x.size / channels;
  if (training && rows < 2) {
    throw new ShapeError('batch_norm: training needs more than one value a channel; use a batch of at least two');
  }
  const device = x.device;
  const { lanes, alias } = vectorised(channels);
  const c = channels / lanes;
  const across = Math.ceil(c / WORKGROUP);
  const chunk = Math.ceil(rows / splitCount(across, rows, LEAST_ROWS));
  const chunks = Math.ceil(rows / chunk);
  const params = { rows, c, chunk, chunks, eps, momentum };
  const finish = { shader: 'batch_norm', constants: alias, params, grid: [across] as const };
  const stats = Tensor.empty([2, channels], { device });
  if (training) {
    const parts = Tensor.empty([chunks, 2, channels], { device });
    device.dispatch({
      ...finish,
      entry: 'batch_norm_statistics',
      bindings: { x: x.slice, parts: parts.slice },
      grid: [across, chunks],
    });
    device.dispatch({
      ...finish,
      entry: 'batch_norm_finish',
      bindings: {
        parts_in: parts.slice,
        stats: stats.slice,
        running_mean: runningMean.slice,
        running_var: runningVar.slice,
      },
    });
    parts.dispose();
  } else {
    device.dispatch({
      ...finish,
      entry: 'batch_norm_running',
      bindings: { running_mean_in: runningMean.slice, running_var_in: runningVar.slice, stats: stats.slice },
    });
  }
  const ACTIVATION = activationNumber(activation);
  const affine = { x: x.slice, stats_in: stats.slice, weight: weight.slice, bias: bias.slice };
  const y = Tensor.empty(x.shape, { device });
  device.dispatch({
    shader: 'batch_norm',
    entry: 'batch_norm_apply',
    constants: { ...alias, BLOCK, ACTIVATION, RESIDUAL: residual !== undefined },
    bindings: { ...affine, residual: residual?.slice ?? device.zeros, y: y.slice },
    params,
    grid: linearGrid(device, Math.ceil(rows / BLOCK) * c),
  });
  const inputs = residual ? [x, weight, bias, residual] : [x, weight, bias];
  const back: Node['backward'] = (dy, [needX, needWeight, needBias, needResidual]) => {
    const parts = Tensor.empty([chunks, 2, channels], { device });
    const sums = Tensor.empty([2, channels], { device });
    const dweight = gradientFor(weight);
    const dbias = gradientFor(bias);
    const dresidual = residual && Tensor.empty(x.shape, { device });
    device.dispatch({
      ...finish,
      entry: dresidual ? 'batch_norm_backward_sums_residual' : 'batch_norm_backward_sums',
      constants: { ...alias, ACTIVATION },
      bindings: {
        ...affine,
        dy: dy.slice,
        parts: parts.slice,
        ...(dresidual && { residual: residual.slice, g_out: dresidual.slice }),
      },
      grid: [across, chunks],
    });
    device.dispatch({
      ...finish,
      entry: 'batch_norm_backward_finish',
      bindings: { parts_in: parts.slice, sums: sums.slice, dweight: dweight.slice, dbias: dbias.slice },
    });
    parts.dispose();
    let dx: Tensor | undefined;
    if (needX) {
      dx = Tensor.empty(x.shape, { device });
      device.dispatch({
        shader: 'batch_norm',
        entry: 'batch_norm_backward_input',
        constants: { ...alias, BLOCK, ACTIVATION: dresidual ? 0 : ACTIVATION, BATCH: training },
        bindings: { ...affine, dy: (dresidual ?? dy).slice, sums_in: sums.slice, y: dx.slice },
        params,
        grid: linearGrid(device, Math.ceil(rows / BLOCK) * c),
      });
    }
    sums.dispose();
    if (!needWeight) dweight.dispose();
    if (!needBias) dbias.dispose();
    if (!needResidual) dresidual?.dispose();
    const given = [dx, needWeight ? dweight : undefined, needBias ? dbias : undefined];
    return needResidual ? [...given, dresidual] : given;
  };
  return record('batch_norm', inputs, y, back, { runningMean, runningVar, eps, training, activation });
}

/** The registry's forms: weight and bias one and zero, running statistics zero and one where a case has none. */
function run(training: boolean): OpDefinition['run'] {
  return ({ input, weight, bias, residual }, params) => {
    const c = input!.shape[1]!;
    const constant = (values: unknown, otherwise: number) =>
      Tensor.from((values as number[] | undefined) ?? new Array<number>(c).fill(otherwise), [c]);
    return batchNorm(
      input!,
      constant(params.running_mean, 0),
      constant(params.running_var, 1),
      weight ?? Tensor.ones([c]),
      bias ?? Tensor.zeros([c]),
      {
        training,
        eps: (params.eps as number | undefined) ?? 1e-5,
        activation: params.activation as Activation | undefined,
        residual,
      },
    );
  };
}

export const batchNormTrainOp: OpDefinition = {
  shader: 'batch_norm',
  inputs: ['input', 'weight?', 'bias?', 'residual?'],
  run: run(true),
};

export const batchNormEvalOp: OpDefinition = {
  shader: 'batch_norm',
  inputs: ['input', 'weight?', 'bias?', 'residual?'],
  run: run(false),
};

/** The running statistics after one training-mode call. */
export const batchNormRunningOp: OpDefinition = {
  shader: 'batch_norm',
  inputs: ['input'],
  run: ({ input }, params) => {
    const c = input!.shape[1]!;
    const running_mean = Tensor.from(params.running_mean as number[], [c]);
    const running_var = Tensor.from(params.running_var as number[], [c]);
    batchNorm(input!, running_mean, running_var, Tensor.ones([c]), Tensor.zeros([c]), {
      training: true,
      momentum: params.momentum as number,
    });
    return { running_mean, running_var };
  },
};
