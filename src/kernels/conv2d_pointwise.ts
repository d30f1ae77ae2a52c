import type { Conv2dKernels, Conv2dSizes } from './conv2d_kernels.js';
import { product, productOfTransposed, type ProductSizes } from './matmul.js';

/** Whether a convolution looks at single pixels: channels are innermost, so it is a product of matrices as they lie. */
export function isPointwise({ kh, kw, groups, stride_h, stride_w, pad_h, pad_w }: Conv2dSizes): boolean {
  return Math.max(kh, kw, groups, stride_h, stride_w) === 1 && Math.max(pad_h, pad_w) === 0;
}

/** The sizes of a 1x1 convolution's three products of (pixels,C), (O,C) and (pixels,O). */
export const pointwiseSizes = {
  forward: ({ n, h, w, c, o }: Conv2dSizes): ProductSizes => ({ m: n * h * w, n: o, k: c }),
  backwardInput: ({ n, h, w, c, o }: Conv2dSizes): ProductSizes => ({ m: n * h * w, n: c, k: o }),
  backwardWeight: ({ n, h, w, c, o }: Conv2dSizes): ProductSizes => ({ m: o, n: c, k: n * h * w }),
};

/** 1x1 convolutions as products. */
export const pointwiseKernels: Conv2dKernels = {
  forward(choice, { x, weight, bias, activation, sizes }, y) {
    product('nt', x, weight, y, pointwiseSizes.forward(sizes), { bias, activation }, choice);
  },

  backwardInput(choice, { weight, sizes }, dy, dx) {
    product('nn', dy, weight, dx, pointwiseSizes.backwardInput(sizes), {}, choice);
  },

  backwardWeight(choice, { x, sizes }, dy, dw) {
    productOfTransposed(dy, x, dw, pointwiseSizes.backwardWeight(sizes), choice);
  },
};
