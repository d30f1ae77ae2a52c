import { UserError } from '../../util/errors.js';
import type { ConvolutionPass, KernelWork } from '../work.js';

/** Sizes of a piece of work, by the letters of docs/architecture.md. */
export type Sizes = Readonly<Record<string, number>>;

/** A kernel that can be shown and raced against, with the sizes that it takes. */
export interface Target {
  readonly name: string;
  /** What it computes, in one line. */
  readonly summary: string;
  /** Sizes where none are given; no other names are taken. */
  readonly sizes: Sizes;
  readonly work: (sizes: Sizes) => KernelWork;
}

const CONVOLUTION = { n: 8, c: 64, o: 64, kernel: 3, size: 24, stride: 1, padding: 1, depthwise: 0 };

function convolution(name: string, pass: ConvolutionPass, summary: string): Target {
  const work = (sizes: Sizes): KernelWork => {
    const { n, c, o, kernel, size, stride, padding, depthwise } = sizes as typeof CONVOLUTION;
    if (depthwise > 1) throw new UserError('--shape: depthwise is 0 or 1');
    if (depthwise === 1 && c !== o) throw new UserError('--shape: a depthwise convolution has as many outputs o as c');
    if (size + 2 * padding < kernel) throw new UserError('--shape: the kernel is larger than the padded image');
    return { kind: 'conv2d', pass, n, c, o, kernel, size, stride, padding, depthwise: depthwise === 1 };
  };
  return { name, summary, sizes: CONVOLUTION, work };
}

const IMAGES = { n: 32, c: 32, size: 24 };

/** Everything that `facegrad kernels show` and `run` know by name. */
export const targets: readonly Target[] = [
  {
    name: 'matmul_nn',
    summary: 'c = a·b, all (n,n)',
    sizes: { n: 256 },
    work: ({ n }) => ({ kind: 'matmul', n: n! }),
  },
  convolution('conv2d_forward', 'forward', 'y of a convolution of (n,c,size,size) with (o,c,kernel,kernel)'),
  convolution('conv2d_backward_input', 'input-gradient', 'dx of that convolution, from dy and the weight'),
  convolution('conv2d_backward_weight', 'weight-gradient', 'dw of that convolution, from dy and x'),
  {
    name: 'batch_norm_forward',
    summary: "y of batch normalisation of (n,c,size,size) by the batch's statistics",
    sizes: IMAGES,
    work: ({ n, c, size }) => ({ kind: 'batch-norm', pass: 'forward', n: n!, c: c!, size: size! }),
  },
  {
    name: 'batch_norm_backward',
    summary: 'dx, dweight and dbias of that normalisation',
    sizes: IMAGES,
    work: ({ n, c, size }) => ({ kind: 'batch-norm', pass: 'backward', n: n!, c: c!, size: size! }),
  },
  {
    name: 'cross_entropy',
    summary: 'mean loss of logits (n,k) with labels, and dlogits',
    sizes: { n: 1024, k: 7 },
    work: ({ n, k }) => ({ kind: 'cross-entropy', n: n!, k: k! }),
  },
  ...(['forward', 'backward'] as const).map((pass): Target => ({
    name: `max_pool2d_${pass}`,
    summary: pass === 'forward' ? 'y of a maximum pool of (n,c,size,size)' : 'dx of that pool',
    sizes: { ...IMAGES, kernel: 2, stride: 2, padding: 0 },
    work: ({ n, c, size, kernel, stride, padding }) => ({
      ...{ kind: 'pool', pool: 'max', pass, n: n!, c: c!, size: size! },
      ...{ kernel: kernel!, stride: stride!, padding: padding! },
    }),
  })),
  ...(['relu', 'add'] as const).map((op): Target => ({
    name: op,
    summary: op === 'relu' ? 'max(x, 0) of count elements' : 'a + b of count elements',
    sizes: { count: 1 << 20 },
    work: ({ count }) => ({ kind: 'elementwise', op, count: count! }),
  })),
  {
    name: 'adam',
    summary: "one update of count parameters by Adam with PyTorch's defaults",
    sizes: { count: 1 << 20 },
    work: ({ count }) => ({ kind: 'adam', count: count! }),
  },
];

/** Sizes that may be 0. */
const MAY_BE_ZERO = new Set(['padding', 'depthwise']);
const MOST = 1 << 24;

/**
 * The sizes of a target after `text` such as `n=8,c=64`; those that it leaves out keep their defaults, but an even or
 * larger kernel of a convolution pads by half of itself where no padding is named.
 * @throws UserError for a size that the target does not have, or that is no whole number in range
 */
export function sizesOf(target: Target, text: string | undefined): Sizes {
  const given: Record<string, number> = {};
  for (const part of text === undefined ? [] : text.split(',')) {
    const [, name = '', digits = ''] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    const known = Object.keys(target.sizes);
    if (!known.includes(name)) {
      const names = known.map(size => `${size}=<n>`).join(',');
      const example = Object.entries(target.sizes).map(([size, value]) => `${size}=${value}`);
      throw new UserError(`--shape '${part.trim()}': ${target.name} takes ${names}, such as ${example.join(',')}`);
    }
    const value = Number(digits);
    const least = MAY_BE_ZERO.has(name) ? 0 : 1;
    if (value < least || value > MOST)
      throw new UserError(`--shape: ${name} is from ${least} to ${MOST}, not ${digits}`);
    given[name] = value;
  }
  const follows =
    given.kernel !== undefined && given.padding === undefined && target.sizes.depthwise !== undefined
      ? { padding: Math.floor((given.kernel - 1) / 2) }
      : {};
  return { ...target.sizes, ...follows, ...given };
}

/** `n=8,c=64,…`, as `--shape` takes it. */
export function formatSizes(sizes: Sizes): string {
  return Object.entries(sizes)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
