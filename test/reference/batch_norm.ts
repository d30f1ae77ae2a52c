import { activations } from './elementwise.js';
import { input, map, zeros, type Reference, type RefTensor } from './tensor.js';

/** Channel of element i of a tensor (N,C) or (N,C,H,W). */
function channelOf(x: RefTensor): (i: number) => number {
  const inner = x.shape.slice(2).reduce((a, b) => a * b, 1);
  return i => Math.floor(i / inner) % x.shape[1]!;
}

/** Mean and biased variance of every channel over the batch and the pixels. */
function statistics(x: RefTensor): { mean: Float64Array; variance: Float64Array; samples: number } {
  const C = x.shape[1]!;
  const samples = x.data.length / C;
  const channel = channelOf(x);
  const mean = new Float64Array(C);
  const variance = new Float64Array(C);
  x.data.forEach((value, i) => (mean[channel(i)]! += value / samples));
  x.data.forEach((value, i) => (variance[channel(i)]! += (value - mean[channel(i)]!) ** 2 / samples));
  return { mean, variance, samples };
}

/** activation(normalise(inputs) + residual): parameter `activation`, input `residual`, both optional. */
function ending(normalise: Reference): Reference {
  const before: Reference['forward'] = (inputs, params) => {
    const y = normalise.forward(inputs, params);
    const { residual } = inputs;
    return residual ? map(y, (value, i) => value + residual.data[i]!) : y;
  };
  const activation = (params: Record<string, unknown>) => activations[params.activation as string];
  return {
    name: normalise.name,
    forward(inputs, params) {
      const z = before(inputs, params);
      return activation(params)?.forward({ input: z }, {}) ?? z;
    },
    backward(inputs, params, dy) {
      const z = before(inputs, params);
      const g = activation(params)?.backward({ input: z }, {}, dy).input ?? dy;
      return { ...normalise.backward(inputs, params, g), ...(inputs.residual && { residual: g }) };
    },
  };
}

/** input (N,C) or (N,C,H,W), weight (C), bias (C); statistics of the batch. */
export const batchNormTrain = ending({
  name: 'batch_norm_train',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    const { mean, variance } = statistics(x);
    return affine(inputs, mean, variance, epsilon(params));
  },
  backward(inputs, params, dy) {
    const x = input(inputs, 'input');
    const weight = input(inputs, 'weight');
    const { mean, variance, samples } = statistics(x);
    const grads = fixedStatisticsGrads(inputs, mean, variance, epsilon(params), dy);
    // The batch's own mean and variance depend on x: what they pass back is taken off (Ioffe and Szegedy 2015, sec. 3).
    const channel = channelOf(x);
    const dx = map(x, (value, i) => {
      const c = channel(i);
      const scale = 1 / Math.sqrt(variance[c]! + epsilon(params));
      const normal = (value - mean[c]!) * scale;
      const through = dy.data[i]! - grads.bias.data[c]! / samples - (normal * grads.weight.data[c]!) / samples;
      return weight.data[c]! * scale * through;
    });
    return { ...grads, input: dx };
  },
});

/** The same with given statistics: parameters `running_mean`, `running_var`. */
export const batchNormEval = ending({
  name: 'batch_norm_eval',
  forward(inputs, params) {
    const { running_mean: mean, running_var: variance } = params as unknown as Running;
    return affine(inputs, mean, variance, epsilon(params));
  },
  backward(inputs, params, dy) {
    const { running_mean: mean, running_var: variance } = params as unknown as Running;
    return fixedStatisticsGrads(inputs, mean, variance, epsilon(params), dy);
  },
});

export interface Running {
  running_mean: ArrayLike<number>;
  running_var: ArrayLike<number>;
}

/** Running statistics after one training-mode call: old * (1 - momentum) + new * momentum, of the unbiased variance. */
export function batchNormRunning(x: RefTensor, before: Running, momentum = 0.1): Record<keyof Running, Float64Array> {
  const { mean, variance, samples } = statistics(x);
  return {
    running_mean: mean.map((value, c) => (1 - momentum) * before.running_mean[c]! + momentum * value),
    running_var: variance.map(
      (value, c) => (1 - momentum) * before.running_var[c]! + (momentum * value * samples) / (samples - 1),
    ),
  };
}

function epsilon(params: Record<string, unknown>): number {
  return (params.eps as number | undefined) ?? 1e-5;
}

function affine(
  inputs: Record<string, RefTensor>,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  eps: number,
): RefTensor {
  const x = input(inputs, 'input');
  const channel = channelOf(x);
  return map(x, (value, i) => {
    const c = channel(i);
    const normal = (value - mean[c]!) / Math.sqrt(variance[c]! + eps);
    return normal * input(inputs, 'weight').data[c]! + input(inputs, 'bias').data[c]!;
  });
}

function fixedStatisticsGrads(
  inputs: Record<string, RefTensor>,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  eps: number,
  dy: RefTensor,
): Record<'input' | 'weight' | 'bias', RefTensor> {
  const x = input(inputs, 'input');
  const weight = input(inputs, 'weight');
  const channel = channelOf(x);
  const grads = { input: zeros(x.shape), weight: zeros(weight.shape), bias: zeros(weight.shape) };
  dy.data.forEach((g, i) => {
    const c = channel(i);
    const scale = 1 / Math.sqrt(variance[c]! + eps);
    grads.input.data[i] = g * weight.data[c]! * scale;
    grads.weight.data[c]! += g * (x.data[i]! - mean[c]!) * scale;
    grads.bias.data[c]! += g;
  });
  return grads;
}
