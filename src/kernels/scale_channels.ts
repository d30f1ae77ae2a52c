import { Tensor } from '../tensor/index.js';
import { splitCount, vectorised, WORKGROUP } from './grid.js';
import { sumInto } from './reduce.js';

/** Pixels below which a part of ds is not worth a workgroup of its own. */
const LEAST_PIXELS = 16;

/** Whether s (N,C,1,1) scales the channels of x (N,C,H,W). */
export function scalesChannels(x: Tensor, s: Tensor): boolean {
  const [n, c, h = 1, w = 1] = x.shape;
  const [sn, sc, sh, sw] = s.shape;
  return x.shape.length === 4 && s.shape.length === 4 && h * w > 1 && sn === n && sc === c && sh === 1 && sw === 1;
}

/** Both gradients of y = x·s where `scalesChannels(x, s)`: [dx, ds]. */
export function scaleChannelsBackward(x: Tensor, s: Tensor, dy: Tensor): [Tensor, Tensor] {
  const device = x.device;
  const [n, channels, h, w] = x.shape as [number, number, number, number];
  const { lanes, alias } = vectorised(channels);
  const c = channels / lanes;
  const columns = n * c;
  const pixels = h * w;
  const across = Math.ceil(columns / WORKGROUP);
  const chunk = Math.ceil(pixels / splitCount(across, pixels, LEAST_PIXELS));
  const splits = Math.ceil(pixels / chunk);
  const dx = Tensor.empty(x.shape, { device });
  const ds = Tensor.empty(s.shape, { device });
  const parts = splits > 1 ? Tensor.empty([splits, n * channels], { device }) : ds;
  device.dispatch({
    shader: 'scale_channels',
    entry: 'scale_channels_backward',
    constants: alias,
    bindings: { x: x.slice, s: s.slice, dy: dy.slice, dx: dx.slice, parts: parts.slice },
    params: { columns, c, pixels, chunk },
    grid: [across, 1, splits],
  });
  if (splits > 1) {
    sumInto(parts, [0], ds);
    parts.dispose();
  }
  return [dx, ds];
}
