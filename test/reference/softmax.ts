import { input, map, type RefParams, type Reference, type RefTensor } from './tensor.js';

/** Log-probabilities of every row of x (N,K). The largest logit is taken off first, so that exp cannot overflow. */
function logProbabilities(x: RefTensor): Float64Array {
  const K = x.shape[1]!;
  const out = new Float64Array(x.data.length);
  for (let row = 0; row < x.data.length; row += K) {
    const logits = x.data.subarray(row, row + K);
    const largest = Math.max(...logits);
    const logSum = Math.log(logits.reduce((total, z) => total + Math.exp(z - largest), 0));
    logits.forEach((z, k) => (out[row + k] = z - largest - logSum));
  }
  return out;
}

/** For every element of (N,K) values, the sum of its row. */
function rowSum(values: Float64Array, K: number): (i: number) => number {
  const sums = new Float64Array(values.length / K);
  values.forEach((value, i) => (sums[Math.floor(i / K)]! += value));
  return i => sums[Math.floor(i / K)]!;
}

/** input (N,K), over the last axis. */
export const logSoftmax: Reference = {
  name: 'log_softmax',
  forward: inputs => ({ shape: [...input(inputs, 'input').shape], data: logProbabilities(input(inputs, 'input')) }),
  backward(inputs, _, dy) {
    const x = input(inputs, 'input');
    const logP = logProbabilities(x);
    const total = rowSum(dy.data, x.shape[1]!);
    return { input: map(dy, (g, i) => g - Math.exp(logP[i]!) * total(i)) };
  },
};

/** input (N,K), over the last axis. */
export const softmax: Reference = {
  name: 'softmax',
  forward: inputs => map(logSoftmax.forward(inputs, {}), Math.exp),
  backward(inputs, _, dy) {
    const p = softmax.forward(inputs, {});
    const total = rowSum(
      dy.data.map((g, i) => g * p.data[i]!),
      p.shape[1]!,
    );
    return { input: map(dy, (g, i) => p.data[i]! * (g - total(i))) };
  },
};

interface CrossEntropyParams {
  /** Class indices, or `targets`: probabilities (N,K). */
  labels?: number[];
  targets?: number[][];
  /** A weight for each class. */
  weight?: number[];
  label_smoothing?: number;
}

/**
 * The factor c of every log-probability in loss = -sum(c * logP), (N,K). As PyTorch's CrossEntropyLoss with
 * reduction='mean': smoothing mixes the target with 1/K, class weights multiply the result, and the sum is divided by the
 * weights of the labels, or by N where targets are probabilities.
 */
function factors(x: RefTensor, params: RefParams): Float64Array {
  const { labels, targets, weight, label_smoothing: smoothing = 0 } = params as CrossEntropyParams;
  const [N, K] = x.shape as [number, number];
  const classWeight = (k: number) => weight?.[k] ?? 1;
  const divisor = labels ? labels.reduce((total, label) => total + classWeight(label), 0) : N;
  return new Float64Array(N * K).map((_, i) => {
    const [n, k] = [Math.floor(i / K), i % K];
    const target = labels ? Number(labels[n] === k) : targets![n]![k]!;
    return (classWeight(k) * (target * (1 - smoothing) + smoothing / K)) / divisor;
  });
}

/** input (N,K) of logits; the mean loss as a scalar of shape []. With focal_gamma every -logP counts (1 - p)^gamma times. */
export const crossEntropy: Reference = {
  name: 'cross_entropy',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    const gamma = focalGamma(params);
    const logP = logProbabilities(x);
    const loss = factors(x, params).reduce((total, c, i) => total - c * (-Math.expm1(logP[i]!)) ** gamma * logP[i]!, 0);
    return { shape: [], data: Float64Array.of(loss) };
  },
  backward(inputs, params, dy) {
    const x = input(inputs, 'input');
    const gamma = focalGamma(params);
    const logP = logProbabilities(x);
    // d(-(1 - p)^gamma log p) / d(log p), with p = exp(log p).
    const slope = (logp: number) => {
      const [p, miss] = [Math.exp(logp), -Math.expm1(logp)];
      return (gamma === 0 ? 0 : gamma * miss ** (gamma - 1) * p * logp) - miss ** gamma;
    };
    const c = factors(x, params).map((factor, i) => factor * slope(logP[i]!));
    const total = rowSum(c, x.shape[1]!);
    return { input: map(x, (_, i) => dy.data[0]! * (c[i]! - Math.exp(logP[i]!) * total(i))) };
  },
};

function focalGamma(params: RefParams): number {
  return (params.focal_gamma as number | undefined) ?? 0;
}
