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

interface Windows {
  shape: number[];
  /** For every output element in row-major order, the elements it is the mean of, and what their sum is divided by. */
  windows: { indices: number[]; divisor: number }[];
}

type Span = (o: number) => [begin: number, end: number];

function windowsOf(x: RefTensor, OH: number, OW: number, rows: Span, columns: Span, full?: number): Windows {
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const windows: Windows['windows'] = [];
  for (let plane = 0; plane < N * C; plane++)
    for (let oh = 0; oh < OH; oh++)
      for (let ow = 0; ow < OW; ow++) {
        const indices: number[] = [];
        const [[top, bottom], [left, right]] = [rows(oh), columns(ow)];
        for (let h = Math.max(0, top); h < Math.min(H, bottom); h++)
          for (let w = Math.max(0, left); w < Math.min(W, right); w++) indices.push((plane * H + h) * W + w);
        windows.push({ indices, divisor: full ?? indices.length });
      }
  return { shape: [N, C, OH, OW], windows };
}

function averaging(name: string, plan: (x: RefTensor, params: RefParams) => Windows): Reference {
  return {
    name,
    forward(inputs, params) {
      const x = input(inputs, 'input');
      const { shape, windows } = plan(x, params);
      const means = windows.map(({ indices, divisor }) => indices.reduce((sum, i) => sum + x.data[i]!, 0) / divisor);
      return { shape, data: Float64Array.from(means) };
    },
    backward(inputs, params, dy) {
      const x = input(inputs, 'input');
      const dx = zeros(x.shape);
      plan(x, params).windows.forEach(({ indices, divisor }, window) => {
        for (const i of indices) dx.data[i]! += dy.data[window]! / divisor;
      });
      return { input: dx };
    },
  };
}

/** input (N,C,H,W); parameters as max_pool2d's, and `count_include_pad`, true by default. */
export const avgPool2d = averaging('avg_pool2d', (x, params) => {
  const [KH, KW] = pair(params.kernel, 2);
  const [strideH, strideW] = pair(params.stride ?? params.kernel, 2);
  const [padH, padW] = pair(params.padding, 0);
  const OH = Math.floor((x.shape[2]! + 2 * padH - KH) / strideH) + 1;
  const OW = Math.floor((x.shape[3]! + 2 * padW - KW) / strideW) + 1;
  const rows: Span = o => [o * strideH - padH, o * strideH - padH + KH];
  const columns: Span = o => [o * strideW - padW, o * strideW - padW + KW];
  return windowsOf(x, OH, OW, rows, columns, params.count_include_pad === false ? undefined : KH * KW);
});

/** input (N,C,H,W); parameter `output`. Bin o runs from floor(o * size / outputs) to ceil((o + 1) * size / outputs). */
export const adaptiveAvgPool2d = averaging('adaptive_avg_pool2d', (x, params) => {
  const [OH, OW] = pair(params.output, 1);
  const bins =
    (size: number, outputs: number): Span =>
    o => [Math.floor((o * size) / outputs), Math.ceil(((o + 1) * size) / outputs)];
  return windowsOf(x, OH, OW, bins(x.shape[2]!, OH), bins(x.shape[3]!, OW));
});
