import { integers, OPERAND, values } from './inputs.js';
import {
  outputSize,
  weightShape,
  type AdamWork,
  type BatchNormWork,
  type Conv2dWork,
  type CrossEntropyWork,
  type ElementwiseWork,
  type KernelWork,
  type MatmulWork,
  type PoolWork,
} from './work.js';

/** A tensor as it must come out: computed in float64, one element at a time, because a few of them are looked at. */
export interface Expected {
  readonly size: number;
  /** Size of a typical element: what rounding errors are measured against. */
  readonly scale: number;
  /** The element at `index`, in PyTorch's order. */
  readonly at: (index: number) => number;
}

/** What a contestant that does `work` must give, by name. */
export function expectedOf(work: KernelWork): Readonly<Record<string, Expected>> {
  switch (work.kind) {
    case 'matmul':
      return matmul(work);
    case 'conv2d':
      return conv2d(work);
    case 'batch-norm':
      return batchNorm(work);
    case 'pool':
      return work.pool === 'max' ? maxPool(work) : globalAvgPool(work);
    case 'cross-entropy':
      return crossEntropy(work);
    case 'elementwise':
      return elementwise(work);
    case 'adam':
      return adam(work);
    case 'overhead': {
      const x = values(OPERAND.x, work.count);
      return { y: { size: work.count, scale: work.ops, at: i => x[i]! + work.ops } };
    }
  }
}

function matmul({ n }: MatmulWork): Record<string, Expected> {
  const [a, b] = [values(OPERAND.x, n * n), values(OPERAND.w, n * n)];
  const at = (index: number) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[row * n + k]! * b[k * n + column]!;
    return sum;
  };
  return { c: { size: n * n, scale: Math.sqrt(n), at } };
}

/** Digits of `index` in the given sizes, the last running fastest. */
function digits(index: number, ...sizes: readonly number[]): number[] {
  const result: number[] = [];
  for (const size of [...sizes].reverse()) {
    result.unshift(index % size);
    index = Math.floor(index / size);
  }
  return result;
}

function conv2d(work: Conv2dWork): Record<string, Expected> {
  const { pass, n, c, o, kernel, size, stride, padding, depthwise } = work;
  const out = outputSize(work);
  const inner = depthwise ? 1 : c;
  const x = values(OPERAND.x, n * c * size * size);
  const w = values(OPERAND.w, o * inner * kernel * kernel);
  const dy = values(OPERAND.dy, n * o * out * out);
  const pixel = (image: number, channel: number, row: number, column: number) =>
    row < 0 || column < 0 || row >= size || column >= size
      ? 0
      : x[((image * c + channel) * size + row) * size + column]!;
  const tap = (output: number, channel: number, i: number, j: number) =>
    w[((output * inner + channel) * kernel + i) * kernel + j]!;
  const gradient = (image: number, output: number, row: number, column: number) =>
    row < 0 || column < 0 || row >= out || column >= out || !Number.isInteger(row) || !Number.isInteger(column)
      ? 0
      : dy[((image * o + output) * out + row) * out + column]!;

  switch (pass) {
    case 'forward': {
      const at = (index: number) => {
        const [image, output, row, column] = digits(index, n, o, out, out) as [number, number, number, number];
        let sum = 0;
        for (let channel = 0; channel < inner; channel++) {
          for (let i = 0; i < kernel; i++) {
            for (let j = 0; j < kernel; j++) {
              const from = depthwise ? output : channel;
              const value = pixel(image, from, row * stride + i - padding, column * stride + j - padding);
              sum += value * tap(output, channel, i, j);
            }
          }
        }
        return sum;
      };
      return { y: { size: dy.length, scale: Math.sqrt(inner) * kernel, at } };
    }
    case 'input-gradient': {
      const at = (index: number) => {
        const [image, channel, row, column] = digits(index, n, c, size, size) as [number, number, number, number];
        let sum = 0;
        for (let output = depthwise ? channel : 0; output < (depthwise ? channel + 1 : o); output++) {
          for (let i = 0; i < kernel; i++) {
            for (let j = 0; j < kernel; j++) {
              const value = gradient(image, output, (row + padding - i) / stride, (column + padding - j) / stride);
              sum += value * tap(output, depthwise ? 0 : channel, i, j);
            }
          }
        }
        return sum;
      };
      return { dx: { size: x.length, scale: (Math.sqrt(depthwise ? 1 : o) * kernel) / stride, at } };
    }
    case 'weight-gradient': {
      const at = (index: number) => {
        const [output, inside, i, j] = digits(index, ...weightShape(work)) as [number, number, number, number];
        let sum = 0;
        for (let image = 0; image < n; image++) {
          for (let row = 0; row < out; row++) {
            for (let column = 0; column < out; column++) {
              const from = depthwise ? output : inside;
              const value = pixel(image, from, row * stride + i - padding, column * stride + j - padding);
              sum += value * gradient(image, output, row, column);
            }
          }
        }
        return sum;
      };
      return { dw: { size: w.length, scale: Math.sqrt(n) * out, at } };
    }
  }
}

/** torch.nn.functional.batch_norm's eps. */
export const BATCH_NORM_EPS = 1e-5;

function batchNorm({ pass, n, c, size }: BatchNormWork): Record<string, Expected> {
  const area = size * size;
  const count = n * area;
  const x = values(OPERAND.x, count * c);
  const dy = values(OPERAND.dy, count * c);
  const [weight, bias] = [values(OPERAND.weight, c), values(OPERAND.bias, c)];
  const channels = new Map<number, { mean: number; invStd: number; sumDy: number; sumDyX: number }>();
  /** Mean and 1/√(var + eps) of a channel; Σdy and Σdy·x̂. */
  const sums = (channel: number) => {
    const known = channels.get(channel);
    if (known) return known;
    const places = Array.from({ length: count }, (_, i) => (Math.floor(i / area) * c + channel) * area + (i % area));
    const mean = places.reduce((sum, i) => sum + x[i]!, 0) / count;
    const variance = places.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / count;
    const invStd = 1 / Math.sqrt(variance + BATCH_NORM_EPS);
    const sumDy = places.reduce((sum, i) => sum + dy[i]!, 0);
    const sumDyX = places.reduce((sum, i) => sum + dy[i]! * (x[i]! - mean) * invStd, 0);
    const found = { mean, invStd, sumDy, sumDyX };
    channels.set(channel, found);
    return found;
  };
  const channelOf = (index: number) => Math.floor(index / area) % c;
  const y = (index: number) => {
    const channel = channelOf(index);
    const { mean, invStd } = sums(channel);
    return (x[index]! - mean) * invStd * weight[channel]! + bias[channel]!;
  };
  if (pass === 'forward') return { y: { size: x.length, scale: 1, at: y } };
  // Ioffe and Szegedy, "Batch Normalization", 2015: dx = w/σ·(dy − mean(dy) − x̂·mean(dy·x̂)).
  const dx = (index: number) => {
    const channel = channelOf(index);
    const { mean, invStd, sumDy, sumDyX } = sums(channel);
    const normal = (x[index]! - mean) * invStd;
    return weight[channel]! * invStd * (dy[index]! - sumDy / count - (normal * sumDyX) / count);
  };
  return {
    dx: { size: x.length, scale: 1, at: dx },
    dweight: { size: c, scale: Math.sqrt(count), at: channel => sums(channel).sumDyX },
    dbias: { size: c, scale: Math.sqrt(count), at: channel => sums(channel).sumDy },
  };
}

function maxPool(work: PoolWork): Record<string, Expected> {
  const { pass, n, c, size, kernel, stride, padding } = work;
  const out = outputSize(work);
  const x = values(OPERAND.x, n * c * size * size);
  const dy = values(OPERAND.dy, n * c * out * out);
  /** Index of the largest element in a window. Drawn values do not tie often enough to matter: the first one wins. */
  const winner = (plane: number, row: number, column: number) => {
    let best = -1;
    for (let i = Math.max(0, row * stride - padding); i < Math.min(size, row * stride - padding + kernel); i++) {
      for (
        let j = Math.max(0, column * stride - padding);
        j < Math.min(size, column * stride - padding + kernel);
        j++
      ) {
        const index = (plane * size + i) * size + j;
        if (best < 0 || x[index]! > x[best]!) best = index;
      }
    }
    return best;
  };
  if (pass === 'forward') {
    const at = (index: number) => {
      const [plane, row, column] = digits(index, n * c, out, out) as [number, number, number];
      return x[winner(plane, row, column)]!;
    };
    return { y: { size: dy.length, scale: 1, at } };
  }
  const at = (index: number) => {
    const [plane, i] = digits(index, n * c, size, size) as [number, number, number];
    let sum = 0;
    for (let row = 0; row < out; row++) {
      if (Math.abs(row * stride - padding - i) >= kernel) continue;
      for (let column = 0; column < out; column++) {
        if (winner(plane, row, column) === index) sum += dy[(plane * out + row) * out + column]!;
      }
    }
    return sum;
  };
  return { dx: { size: x.length, scale: 1, at } };
}

function globalAvgPool({ pass, n, c, size }: PoolWork): Record<string, Expected> {
  const area = size * size;
  if (pass === 'backward') {
    const dy = values(OPERAND.dy, n * c);
    return { dx: { size: n * c * area, scale: 1, at: index => dy[Math.floor(index / area)]! / area } };
  }
  const x = values(OPERAND.x, n * c * area);
  const at = (index: number) => {
    let sum = 0;
    for (let i = 0; i < area; i++) sum += x[index * area + i]!;
    return sum / area;
  };
  return { y: { size: n * c, scale: 1, at } };
}

function crossEntropy({ n, k }: CrossEntropyWork): Record<string, Expected> {
  const logits = values(OPERAND.x, n * k);
  const labels = integers(OPERAND.labels, n, k);
  /** log Σ exp of a row; the logits are below 1, so that nothing overflows. */
  const logSum = (row: number) => {
    let sum = 0;
    for (let i = 0; i < k; i++) sum += Math.exp(logits[row * k + i]!);
    return Math.log(sum);
  };
  const loss = () => {
    let sum = 0;
    for (let row = 0; row < n; row++) sum += logSum(row) - logits[row * k + labels[row]!]!;
    return sum / n;
  };
  const at = (index: number) => {
    const row = Math.floor(index / k);
    return (Math.exp(logits[index]! - logSum(row)) - (labels[row] === index % k ? 1 : 0)) / n;
  };
  return { loss: { size: 1, scale: 1, at: loss }, dlogits: { size: n * k, scale: 1 / n, at } };
}

function elementwise({ op, count }: ElementwiseWork): Record<string, Expected> {
  const [a, b] = [values(OPERAND.x, count), values(OPERAND.w, count)];
  const at = (i: number) => (op === 'relu' ? Math.max(0, a[i]!) : a[i]! + b[i]!);
  return { y: { size: count, scale: 1, at } };
}

/** torch.optim.Adam's defaults. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** The first update: m̂ is g and v̂ is g², so that p' = p − lr·g/(|g| + eps) (Kingma and Ba, "Adam", 2015). */
function adam({ count }: AdamWork): Record<string, Expected> {
  const [p, g] = [values(OPERAND.w, count), values(OPERAND.dy, count)];
  const at = (i: number) => p[i]! - (ADAM.lr * g[i]!) / (Math.abs(g[i]!) + ADAM.eps);
  // A step is 1e-3 long: to be seen it is measured by itself, not against parameters of size 1.
  return { p: { size: count, scale: 0.01, at } };
}
