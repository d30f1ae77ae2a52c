import type { Tensor } from '../tensor/index.js';
import type { OutputActivation } from './activation.js';
import { splitCount } from './grid.js';
import type { Choice } from './tuning/choice.js';

/** Sizes and steps of a convolution by the names of the shaders' parameters; c and o are one group's. */
export type Conv2dSizes = Readonly<
  Record<
    | 'n'
    | 'h'
    | 'w'
    | 'c'
    | 'oh'
    | 'ow'
    | 'o'
    | 'kh'
    | 'kw'
    | 'stride_h'
    | 'stride_w'
    | 'pad_h'
    | 'pad_w'
    | 'dilation_h'
    | 'dilation_w'
    | 'groups',
    number
  >
>;

/** One call of a convolution. */
export interface Convolution {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly activation: OutputActivation | undefined;
  readonly sizes: Conv2dSizes;
}

/** One family of kernels for a convolution's three products; each fills its last argument as `choice` says. */
export interface Conv2dKernels {
  readonly forward: (choice: Choice, call: Convolution, y: Tensor) => void;
  readonly backwardInput: (choice: Choice, call: Convolution, dy: Tensor, dx: Tensor) => void;
  readonly backwardWeight: (choice: Choice, call: Convolution, dy: Tensor, dw: Tensor) => void;
}

/** Multiplications and additions of any of the three products; taps in the padding count, as is the custom of the field. */
export function flopsOf({ n, oh, ow, c, o, kh, kw, groups }: Conv2dSizes): number {
  return 2 * n * oh * ow * groups * o * c * kh * kw;
}

/** How the sum over rows of output pixels (n, oy) is cut for `blocks` of the result: rows a split, and how many splits. */
export function splitRows(
  { n, oh }: Conv2dSizes,
  blocks: number,
  workgroups: number,
): { rows: number; splits: number } {
  const rows = Math.ceil((n * oh) / splitCount(blocks, n * oh, 2, workgroups));
  return { rows, splits: Math.ceil((n * oh) / rows) };
}
