import { record, Tensor } from '../tensor/index.js';
import { BLOCK, linearGrid } from './grid.js';
import { requireInteger, requireShape, type OpDefinition } from './op.js';

function launch(x: Tensor, groups: number): Tensor {
  const device = x.device;
  const c = x.shape[1]!;
  const y = Tensor.empty(x.shape, { device });
  const vectors = c % 4 === 0;
  const pixels = x.size / c;
  device.dispatch({
    shader: 'channel_shuffle',
    entry: vectors ? 'channel_shuffle' : 'channel_shuffle_scalar',
    bindings: vectors ? { x: x.slice, y: y.slice } : { x: x.slice, y_scalar: y.slice },
    constants: { BLOCK },
    params: { pixels, c, groups, size: c / groups },
    grid: linearGrid(device, Math.ceil(pixels / BLOCK) * (vectors ? c / 4 : c)),
  });
  return y;
}

/**
 * Deals the channels of x (N,C,H,W) out, one from each of `groups` groups in turn, as torch.nn.ChannelShuffle: what mixes
 * the halves of a ShuffleNet unit.
 */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  requireInteger('channel_shuffle', 'groups', groups, 1);
  requireShape(x.shape.length === 4, 'channel_shuffle', 'takes an input (N,C,H,W)', x);
  const c = x.shape[1]!;
  requireShape(c % groups === 0, 'channel_shuffle', `${groups} groups must divide the ${c} channels`, x);
  return record('channel_shuffle', [x], launch(x, groups), dy => [launch(dy, c / groups)], { groups });
}

export const channelShuffleOp: OpDefinition = {
  shader: 'channel_shuffle',
  inputs: ['input'],
  run: ({ input }, params) => channelShuffle(input!, params.groups as number),
};
