/**
 * What a contestant is asked to do: plain data, because every contestant runs in a process of its own. Images and windows are
 * square; sizes go by the letters of docs/architecture.md.
 */
export type Work =
  | MatmulWork
  | Conv2dWork
  | BatchNormWork
  | PoolWork
  | CrossEntropyWork
  | ElementwiseWork
  | AdamWork
  | OverheadWork
  | NetworkWork
  | StartWork;

/** c = a·b, all (n,n). */
export interface MatmulWork {
  readonly kind: 'matmul';
  readonly n: number;
}

export type ConvolutionPass = 'forward' | 'input-gradient' | 'weight-gradient';

/** One pass of a convolution of (n,c,size,size) without bias. */
export interface Conv2dWork {
  readonly kind: 'conv2d';
  readonly pass: ConvolutionPass;
  readonly n: number;
  readonly c: number;
  readonly o: number;
  readonly kernel: number;
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
  /** Each channel by itself; then o is c. */
  readonly depthwise: boolean;
}

/** Batch normalisation of (n,c,size,size) by the batch's statistics: forward, backward alone, or both (`train`). */
export interface BatchNormWork {
  readonly kind: 'batch-norm';
  readonly pass: 'forward' | 'backward' | 'train';
  readonly n: number;
  readonly c: number;
  readonly size: number;
}

/** A pool of (n,c,size,size); `global-avg` takes the whole image, whatever its kernel says. */
export interface PoolWork {
  readonly kind: 'pool';
  readonly pool: 'max' | 'global-avg';
  readonly pass: 'forward' | 'backward';
  readonly n: number;
  readonly c: number;
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

/** Softmax and cross-entropy of logits (n,k) with labels, and the logits' gradient. */
export interface CrossEntropyWork {
  readonly kind: 'cross-entropy';
  readonly n: number;
  readonly k: number;
}

/** relu(x), or a + b, of `count` elements. */
export interface ElementwiseWork {
  readonly kind: 'elementwise';
  readonly op: 'relu' | 'add';
  readonly count: number;
}

/** One update of `count` parameters by Adam with torch.optim.Adam's defaults. */
export interface AdamWork {
  readonly kind: 'adam';
  readonly count: number;
}

/** `ops` additions of `count` elements, each to the result of the one before. */
export interface OverheadWork {
  readonly kind: 'overhead';
  readonly ops: number;
  readonly count: number;
}

/** Small, so that a few steps on noise lower the loss of every network, and one step magnifies no rounding errors. */
export const LEARNING_RATE = 1e-4;

/**
 * `train`: one step of Adam (LEARNING_RATE) on a batch that lies on the device; `infer`: one batch from images on the
 * host to logits on the host.
 */
export interface NetworkWork {
  readonly kind: 'train' | 'infer';
  readonly model: string;
  readonly size: number;
  readonly batch: number;
}

/** `facegrad --help`, or `facegrad train` up to its first step's loss with shader caches empty or filled. */
export interface StartWork {
  readonly kind: 'start';
  readonly what: 'help' | 'first-step-cold' | 'first-step-warm';
}

export type KernelWork = Exclude<Work, NetworkWork | StartWork>;

export function isKernel(work: Work): work is KernelWork {
  return work.kind !== 'train' && work.kind !== 'infer' && work.kind !== 'start';
}

/** Of a convolution's or a pool's output. */
export function outputSize({
  size,
  kernel,
  stride,
  padding,
}: Omit<PoolWork, 'kind' | 'pool' | 'pass' | 'n' | 'c'>): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** Shape of a convolution's weight, in PyTorch's order. */
export function weightShape({ c, o, kernel, depthwise }: Conv2dWork): [number, number, number, number] {
  return [o, depthwise ? 1 : c, kernel, kernel];
}
