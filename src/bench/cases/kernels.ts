import { outputSize, type BatchNormWork, type Conv2dWork, type PoolWork } from '../work.js';
import type { BenchCase } from './case.js';
import { networkShapes, passesOf, type Shape } from './shapes.js';

const FLOAT = 4;
const GIGA = 1e9;

function matmul(n: number): BenchCase {
  const flops = 2 * n ** 3;
  return { name: `kernel/matmul-${n}`, work: { kind: 'matmul', n }, amount: flops / GIGA, unit: 'GFLOP/s', flops };
}

/** Depthwise convolutions do so little with a value that memory sets their time. */
function convolution(shape: Shape, pass: Conv2dWork['pass'], n: number): BenchCase {
  const { usual, ...sizes } = shape;
  const { c, o, kernel, size, stride, depthwise } = sizes;
  const work: Conv2dWork = { kind: 'conv2d', pass, n, ...sizes, padding: (kernel - 1) / 2 };
  const out = outputSize(work);
  const channels = depthwise ? `${c}` : `${c}x${o}`;
  const strides = stride === 1 ? '' : `-s${stride}`;
  const name = `kernel/${depthwise ? 'depthwise' : 'conv2d'}-${pass}-${channels}-${kernel}x${kernel}-${size}${strides}-b${n}`;
  const flops = 2 * n * o * out * out * (depthwise ? 1 : c) * kernel * kernel;
  const bytes = FLOAT * n * (c * size * size + o * out * out);
  const measure = depthwise
    ? ({ amount: bytes / GIGA, unit: 'GB/s' } as const)
    : ({ amount: flops / GIGA, unit: 'GFLOP/s' } as const);
  return { name, work, ...measure, flops, ...(usual ? {} : { extra: true }) };
}

/** Each distinct convolution once, under the first network that has it. */
function convolutions(): BenchCase[] {
  // What the project's targets are stated for.
  const target = { c: 64, o: 64, kernel: 3, size: 24, stride: 1, depthwise: false, usual: true };
  const all = [
    ...passesOf(target).map(pass => convolution(target, pass, 32)),
    ...networkShapes.flatMap(({ batch, shapes }) =>
      shapes.flatMap(shape => passesOf(shape).map(pass => convolution(shape, pass, batch))),
    ),
  ];
  return [...new Map([...all].reverse().map(bench => [bench.name, bench])).values()].reverse();
}

/** `passes`: how often an algorithm that reads and writes no tensor twice passes over one of x's size. */
function batchNorm(pass: BatchNormWork['pass'], n: number, c: number, size: number, passes: number): BenchCase {
  return {
    name: `kernel/batch-norm-${pass}-${c}-${size}-b${n}`,
    work: { kind: 'batch-norm', pass, n, c, size },
    ...streaming(passes * n * c * size * size),
  };
}

function pool(which: PoolWork['pool'], pass: PoolWork['pass'], sizes: PoolSizes): BenchCase {
  const { n, c, size, kernel, stride } = sizes;
  const window = which === 'max' ? `-${kernel}x${kernel}-s${stride}` : '';
  const out = which === 'max' ? outputSize(sizes) : 1;
  return {
    name: `kernel/${which}-pool-${pass}-${c}${window}-${size}-b${n}`,
    work: { kind: 'pool', pool: which, pass, ...sizes },
    ...streaming(n * c * (size * size + out * out)),
  };
}

type PoolSizes = Omit<PoolWork, 'kind' | 'pool' | 'pass'>;

/** A kernel whose time is that of reading and writing `floats`. */
function streaming(floats: number): Pick<BenchCase, 'amount' | 'unit' | 'flops'> {
  return { amount: (FLOAT * floats) / GIGA, unit: 'GB/s', flops: 0 };
}

/** Four times simple-cnn's first activations at batch 64: 38 MB, more than caches hold. */
const ELEMENTS = 4 * 64 * 16 * 48 * 48;
/** Small enough to cost nothing by themselves, and too large for TensorFlow.js to move them to the processor. */
const OVERHEAD = { ops: 256, count: 4096 } as const;

export const kernelCases: readonly BenchCase[] = [
  ...[64, 256, 512, 768, 1024, 2048, 4096].map(n => (n === 64 ? { ...matmul(n), extra: true } : matmul(n))),
  ...convolutions(),
  ...(
    [
      [64, 32, 24],
      [8, 64, 56],
    ] as const
  ).flatMap(([n, c, size]) => [
    // Statistics read x, the rest reads x and writes y; backward likewise, with dy besides.
    batchNorm('forward', n, c, size, 3),
    batchNorm('backward', n, c, size, 5),
    batchNorm('train', n, c, size, 8),
  ]),
  ...(['forward', 'backward'] as const).flatMap(pass => [
    pool('max', pass, { n: 64, c: 16, size: 48, kernel: 2, stride: 2, padding: 0 }),
    pool('max', pass, { n: 8, c: 64, size: 112, kernel: 3, stride: 2, padding: 1 }),
    pool('global-avg', pass, { n: 64, c: 128, size: 6, kernel: 6, stride: 1, padding: 0 }),
  ]),
  ...(
    [
      [64, 7],
      [4096, 1000],
    ] as const
  ).map(([n, k]): BenchCase => ({
    name: `kernel/softmax-cross-entropy-${k}-b${n}`,
    work: { kind: 'cross-entropy', n, k },
    ...streaming(2 * n * k),
  })),
  { name: 'kernel/relu-9M', work: { kind: 'elementwise', op: 'relu', count: ELEMENTS }, ...streaming(2 * ELEMENTS) },
  { name: 'kernel/add-9M', work: { kind: 'elementwise', op: 'add', count: ELEMENTS }, ...streaming(3 * ELEMENTS) },
  ...[1, 11].map((millions): BenchCase => ({
    name: `kernel/adam-${millions}M`,
    work: { kind: 'adam', count: millions * 1e6 },
    // p, m and v are read and written, g is read.
    ...streaming(7e6 * millions),
  })),
  {
    name: 'kernel/op-overhead',
    work: { kind: 'overhead', ...OVERHEAD },
    ...{ amount: OVERHEAD.ops, unit: 'ops/s', flops: 0 },
  },
];
