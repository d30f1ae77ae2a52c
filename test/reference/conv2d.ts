import {
  count,
  input,
  pair,
  zeros,
  type RefParams,
  type Reference,
  type RefTensor,
  type RefTensors,
} from './tensor.js';

/** Calls `visit` with the indices of every product x[..] * w[..] that is added to y[..]. Padding is zeros. */
function eachProduct(
  x: RefTensor,
  weight: RefTensor,
  params: RefParams,
  visit: (xi: number, wi: number, yi: number) => void,
): void {
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const [O, inner, KH, KW] = weight.shape as [number, number, number, number];
  const [strideH, strideW] = pair(params.stride, 1);
  const [padH, padW] = pair(params.padding, 0);
  const [dilationH, dilationW] = pair(params.dilation, 1);
  const groups = (params.groups as number | undefined) ?? 1;
  const [, , OH, OW] = outputShape(x, weight, params) as [number, number, number, number];
  for (let n = 0; n < N; n++)
    for (let o = 0; o < O; o++)
      for (let oh = 0; oh < OH; oh++)
        for (let ow = 0; ow < OW; ow++)
          for (let i = 0; i < inner; i++)
            for (let kh = 0; kh < KH; kh++)
              for (let kw = 0; kw < KW; kw++) {
                const h = oh * strideH - padH + kh * dilationH;
                const w = ow * strideW - padW + kw * dilationW;
                if (h < 0 || h >= H || w < 0 || w >= W) continue;
                const c = Math.floor(o / (O / groups)) * inner + i;
                visit(
                  ((n * C + c) * H + h) * W + w,
                  ((o * inner + i) * KH + kh) * KW + kw,
                  ((n * O + o) * OH + oh) * OW + ow,
                );
              }
}

function outputShape(x: RefTensor, weight: RefTensor, params: RefParams): number[] {
  const stride = pair(params.stride, 1);
  const padding = pair(params.padding, 0);
  const dilation = pair(params.dilation, 1);
  const size = (axis: 0 | 1) => {
    const reach = dilation[axis] * (weight.shape[2 + axis]! - 1) + 1;
    return Math.floor((x.shape[2 + axis]! + 2 * padding[axis] - reach) / stride[axis]) + 1;
  };
  return [x.shape[0]!, weight.shape[0]!, size(0), size(1)];
}

/** input (N,C,H,W), weight (O,C/groups,KH,KW), bias (O) or none; cross-correlation, as PyTorch's. */
export const conv2d: Reference = {
  name: 'conv2d',

  forward(inputs: RefTensors, params: RefParams): RefTensor {
    const x = input(inputs, 'input');
    const weight = input(inputs, 'weight');
    const y = zeros(outputShape(x, weight, params));
    if (inputs.bias) {
      const pixels = y.shape[2]! * y.shape[3]!;
      for (let i = 0; i < count(y.shape); i++) y.data[i] = inputs.bias.data[Math.floor(i / pixels) % y.shape[1]!]!;
    }
    eachProduct(x, weight, params, (xi, wi, yi) => {
      y.data[yi]! += x.data[xi]! * weight.data[wi]!;
    });
    return y;
  },

  backward(inputs: RefTensors, params: RefParams, dy: RefTensor): RefTensors {
    const x = input(inputs, 'input');
    const weight = input(inputs, 'weight');
    const dx = zeros(x.shape);
    const dw = zeros(weight.shape);
    eachProduct(x, weight, params, (xi, wi, yi) => {
      dx.data[xi]! += weight.data[wi]! * dy.data[yi]!;
      dw.data[wi]! += x.data[xi]! * dy.data[yi]!;
    });
    if (!inputs.bias) return { input: dx, weight: dw };
    const db = zeros(inputs.bias.shape);
    const pixels = dy.shape[2]! * dy.shape[3]!;
    dy.data.forEach((value, i) => {
      db.data[Math.floor(i / pixels) % dy.shape[1]!]! += value;
    });
    return { input: dx, weight: dw, bias: db };
  },
};
