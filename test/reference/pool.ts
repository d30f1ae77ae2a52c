import { input, pair, zeros, type RefParams, type Reference, type RefTensor } from './tensor.js';

/**
 * For every window, in row-major order of the output, the index of its maximum: the first one where there are several,
 * as PyTorch chooses. Padding is minus infinity, so it is never chosen. A NaN wins over everything, also as in PyTorch.
 */
function maxima(x: RefTensor, params: RefParams): { shape: number[]; indices: number[] } {
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const [KH, KW] = pair(params.kernel, 2);
  // PyTorch's default: windows side by side.
  const [strideH, strideW] = pair(params.stride ?? params.kernel, 2);
  const [padH, padW] = pair(params.padding, 0);
  const OH = Math.floor((H + 2 * padH - KH) / strideH) + 1;
  const OW = Math.floor((W + 2 * padW - KW) / strideW) + 1;
  const indices: number[] = [];
  for (let plane = 0; plane < N * C; plane++)
    for (let oh = 0; oh < OH; oh++)
      for (let ow = 0; ow < OW; ow++) {
        let best = -1;
        for (let h = Math.max(0, oh * strideH - padH); h < Math.min(H, oh * strideH - padH + KH); h++)
          for (let w = Math.max(0, ow * strideW - padW); w < Math.min(W, ow * strideW - padW + KW); w++) {
            const i = (plane * H + h) * W + w;
            if (best < 0 || x.data[i]! > x.data[best]! || Number.isNaN(x.data[i])) best = i;
          }
        indices.push(best);
      }
  return { shape: [N, C, OH, OW], indices };
}

/** input (N,C,H,W); parameters `kernel`, `stride` (the kernel's size by default) and `padding`. */
export const maxPool2d: Reference = {
  name: 'max_pool2d',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    const { shape, indices } = maxima(x, params);
    return { shape, data: Float64Array.from(indices, i => x.data[i]!) };
  },
  backward(inputs, params, dy) {
    const x = input(inputs, 'input');
    const dx = zeros(x.shape);
    maxima(x, params).indices.forEach((i, window) => (dx.data[i]! += dy.data[window]!));
    return { input: dx };
  },
};
