import { input, map, pair, unravel, ravel, zeros, type RefParams, type Reference, type RefTensor } from './tensor.js';

/** Where output o of `outputs` reads an axis of `size` elements: two neighbours, and their weights. */
function neighbours(o: number, size: number, outputs: number): [index: number, weight: number][] {
  const source = Math.max(0, ((o + 0.5) * size) / outputs - 0.5);
  const low = Math.min(Math.floor(source), size - 1);
  return [
    [low, 1 - (source - low)],
    [Math.min(low + 1, size - 1), source - low],
  ];
}

/** For every output element, the four elements of x it mixes, and their weights. */
function mixtures(
  x: RefTensor,
  params: RefParams,
): { shape: number[]; of: (i: number) => [index: number, weight: number][] } {
  const [N, C, H, W] = x.shape as [number, number, number, number];
  const [OH, OW] = pair(params.size, 1);
  const shape = [N, C, OH, OW];
  return {
    shape,
    of(i) {
      const [n, c, oh, ow] = unravel(i, shape) as [number, number, number, number];
      return neighbours(oh, H, OH).flatMap(([h, ofRow]) =>
        neighbours(ow, W, OW).map(([w, ofColumn]): [number, number] => [
          ravel([n, c, h, w], x.shape),
          ofRow * ofColumn,
        ]),
      );
    },
  };
}

/** input (N,C,H,W); parameter `size`. Corners are not aligned; nothing is smoothed when shrinking. */
export const interpolateBilinear: Reference = {
  name: 'interpolate_bilinear',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    const { shape, of } = mixtures(x, params);
    return map(zeros(shape), (_, i) => of(i).reduce((sum, [index, weight]) => sum + weight * x.data[index]!, 0));
  },
  backward(inputs, params, dy) {
    const x = input(inputs, 'input');
    const dx = zeros(x.shape);
    const { of } = mixtures(x, params);
    dy.data.forEach((g, i) => {
      for (const [index, weight] of of(i)) dx.data[index]! += weight * g;
    });
    return { input: dx };
  },
};

/** input (N,C,H,W) or (N,1,H,W), repeated to C = the number of means: (x - mean)/std by channel. */
export const normaliseChannels: Reference = {
  name: 'normalise_channels',
  forward(inputs, params) {
    const x = input(inputs, 'input');
    const { mean, std } = params as { mean: number[]; std: number[] };
    const shape = [x.shape[0]!, mean.length, x.shape[2]!, x.shape[3]!];
    return map(zeros(shape), (_, i) => {
      const at = unravel(i, shape);
      return (x.data[ravel(at, x.shape)]! - mean[at[1]!]!) / std[at[1]!]!;
    });
  },
  backward(inputs, params, dy) {
    const x = input(inputs, 'input');
    const { std } = params as { std: number[] };
    const dx = zeros(x.shape);
    dy.data.forEach((g, i) => {
      const at = unravel(i, dy.shape);
      dx.data[ravel(at, x.shape)]! += g / std[at[1]!]!;
    });
    return { input: dx };
  },
};
