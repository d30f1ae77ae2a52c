import type { Conv2dKernels, Conv2dSizes } from './conv2d_kernels.js';
import { subgroupKernels } from './conv2d_subgroups.js';
import { product, productOfTransposed } from './matmul.js';

/** Whether a convolution looks at single pixels: channels are innermost, so it is a product of matrices as they lie. */
export function isPointwise({ kh, kw, groups, stride_h, stride_w, pad_h, pad_w }: Conv2dSizes): boolean {
  return Math.max(kh, kw, groups, stride_h, stride_w) === 1 && Math.max(pad_h, pad_w) === 0;
}

/** 1x1 convolutions without subgroups: products of (pixels,C) and (O,C). */
export const portablePointwiseKernels: Conv2dKernels = {
  forward({ x, weight, bias, activation, sizes: { n, h, w, c, o } }, y) {
    product('nt', x, weight, y, { m: n * h * w, n: o, k: c }, { bias, activation });
  },

  backwardInput({ weight, sizes: { n, h, w, c, o } }, dy, dx) {
    product('nn', dy, weight, dx, { m: n * h * w, n: c, k: o });
  },

  backwardWeight({ x, sizes: { n, h, w, c, o } }, dy, dw) {
    productOfTransposed(dy, x, dw, { m: o, n: c, k: n * h * w });
  },
};

/**
 * 1x1 convolutions with subgroups. conv2d.wgsl's forward is as fast as matmul_nt, and its input gradient faster than
 * matmul_nn, whose lanes share out columns, of which there are few; only the weight gradient gains, where rows are vec4.
 */
export const pointwiseKernels: Conv2dKernels = {
  ...subgroupKernels,

  backwardWeight(call, dy, dw) {
    const aligned = call.sizes.c % 4 === 0 && call.sizes.o % 4 === 0;
    (aligned ? portablePointwiseKernels : subgroupKernels).backwardWeight(call, dy, dw);
  },
};
