import { record, Tensor, type Node } from '../tensor/index.js';
import { linearGrid, vec4s } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';

/**
 * (x − mean[c])/std[c] by channel, of x (N,C,H,W) with as many channels as there are means, one to four, or with a single
 * one, which is repeated to all of them: (N,C,H,W).
 */
export function normaliseChannels(x: Tensor, mean: readonly number[], std: readonly number[]): Tensor {
  const c = mean.length;
  requireShape(
    x.shape.length === 4 && c >= 1 && c <= 4 && std.length === c && (x.shape[1] === c || x.shape[1] === 1),
    'normalise_channels',
    `takes an input (N,C,H,W) of ${c} or 1 channels, for ${c} means and ${std.length} deviations (one to four)`,
    x,
  );
  const device = x.device;
  const [n, , h, w] = x.shape as [number, number, number, number];
  const of = (values: readonly number[], i: number) => values[i] ?? 1;
  const params = {
    ...{ c, repeats: c / x.shape[1] },
    ...{ mean0: of(mean, 0), mean1: of(mean, 1), mean2: of(mean, 2), mean3: of(mean, 3) },
    ...{ std0: of(std, 0), std1: of(std, 1), std2: of(std, 2), std3: of(std, 3) },
  };
  const y = Tensor.empty([n, c, h, w], { device });
  const count = vec4s(y);
  device.dispatch({
    shader: 'normalise_channels',
    entry: 'normalise_channels_forward',
    bindings: { x: x.slice, y: y.slice },
    params: { ...params, count },
    grid: linearGrid(device, count),
  });
  const back: Node['backward'] = dy => {
    const dx = Tensor.empty(x.shape, { device });
    device.dispatch({
      shader: 'normalise_channels',
      entry: 'normalise_channels_backward',
      bindings: { dy: dy.slice, dx: dx.slice },
      params: { ...params, count: x.size },
      grid: linearGrid(device, x.size),
    });
    return [dx];
  };
  return record('normalise_channels', [x], y, back, { mean, std });
}

/** A grey image x (N,1,H,W) as (N,channels,H,W), at most four channels. */
export function repeatChannels(x: Tensor, channels: number): Tensor {
  return normaliseChannels(x, new Array<number>(channels).fill(0), new Array<number>(channels).fill(1));
}

export const normaliseChannelsOp: OpDefinition = {
  shader: 'normalise_channels',
  inputs: ['input'],
  run: ({ input }, params) => normaliseChannels(input!, params.mean as number[], params.std as number[]),
};
