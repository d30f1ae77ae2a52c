import type { Device } from '../gpu/device.js';
import { activationNumber } from './activation.js';
import { flopsOf, splitRows, type Conv2dKernels, type Conv2dSizes } from './conv2d_kernels.js';
import { linearGrid, vectorised } from './grid.js';
import { sumOfParts } from './reduce.js';
import type { Choice, Values } from './tuning/choice.js';
import { cut, cutFor, laneCounts, subgroupCounts, WORKGROUPS } from './tuning/tiles.js';

/** Channels of the result that a workgroup does: as many as there are, up to 16. */
function channelTile(channels: number): number {
  return channels > 8 ? 16 : channels > 4 ? 8 : 4;
}

const shader = 'conv2d';

/** A choice of conv2d_forward or conv2d_backward_input. Their sums are the same whatever the tile. */
function pixelTile(SG: number, SUBGROUPS: number, PIXELS: number, OUT: number): Choice {
  return { shader, values: { SG, SUBGROUPS, PIXELS, OUT }, order: 'taps' };
}

/** Pixels a lane and channels a workgroup. */
const PIXEL_TILES = [
  [4, 16],
  [2, 16],
  [8, 16],
  [1, 16],
  [4, 32],
  [4, 8],
  [8, 8],
  [8, 4],
] as const;

/** The default for a result of so many channels a group. */
export function standardPixelTile(channels: number, device: Device): Choice {
  return pixelTile(device.subgroupSize, 1, 4, channelTile(channels));
}

/** What is tried for a result of so many channels a group. */
export function pixelTiles(channels: number, device: Device): Choice[] {
  // A tile of which more than half would lie beyond the channels never wins.
  const tiles = PIXEL_TILES.filter(([, out]) => out < 2 * Math.max(channels, 4));
  return eachSubgroup(device, (lanes, count) => tiles.map(([pixels, out]) => pixelTile(lanes, count, pixels, out)));
}

/** A choice of conv2d_backward_weight for a sum that is cut for this many workgroups. */
function columnTile(SG: number, SUBGROUPS: number, COLUMNS: number, OUT: number): Choice {
  return { shader, values: { SG, SUBGROUPS, COLUMNS, OUT }, order: 'rows' };
}

/** Columns a lane and channels a workgroup. */
const COLUMN_TILES = [
  [1, 16],
  [2, 16],
  [4, 16],
  [1, 32],
  [1, 8],
  [4, 8],
] as const;

function columnsOf({ kh, kw, c }: Conv2dSizes): number {
  return (kh * kw * c) / vectorised(c).lanes;
}

export function standardColumnTile(sizes: Conv2dSizes, device: Device): Choice {
  const { c, o } = sizes;
  // Scalar columns are short of work for their shuffles: four of them do as much as a vec4.
  const columns = c % 4 === 0 ? 1 : Math.min(4, Math.ceil(columnsOf(sizes) / device.subgroupSize));
  return cutFor(WORKGROUPS, columnTile(device.subgroupSize, 1, columns, channelTile(o)));
}

/** What is tried for the gradient of a weight of so many outputs a group. */
export function columnTiles(outputs: number, device: Device): Choice[] {
  const tiles = COLUMN_TILES.filter(([, out]) => out < 2 * Math.max(outputs, 4));
  return cut(
    eachSubgroup(device, (lanes, count) => tiles.map(([columns, out]) => columnTile(lanes, count, columns, out))),
  );
}

function eachSubgroup(device: Device, choices: (lanes: number, count: number) => Choice[]): Choice[] {
  return laneCounts(device).flatMap(lanes => subgroupCounts(device, lanes).flatMap(count => choices(lanes, count)));
}

/** How conv2d.wgsl reads rows of a group's `c` input and `o` output channels. */
function reads(c: number, o: number): Record<string, number | string> {
  const [input, output] = [vectorised(c), vectorised(o)];
  return { LANES: input.lanes, V: input.alias.V, G_LANES: output.lanes, G: output.alias.V };
}

/** The shader's parameters; steps are stride/gcd(stride, dilation). */
function paramsOf(sizes: Conv2dSizes, rows = 0): Record<string, number> {
  const step = (stride: number, dilation: number): number => {
    let [a, b] = [stride, dilation];
    while (b > 0) [a, b] = [b, a % b];
    return stride / a;
  };
  return {
    ...sizes,
    step_h: step(sizes.stride_h, sizes.dilation_h),
    step_w: step(sizes.stride_w, sizes.dilation_w),
    rows,
  };
}

/** With subgroups, for any number of channels and groups. */
export const subgroupKernels: Conv2dKernels = {
  forward(choice, { x, weight, bias, activation, sizes }, y) {
    const { n, oh, ow, c, o, groups } = sizes;
    const { device } = x;
    const { lanes, alias } = vectorised(c);
    const { SG, SUBGROUPS, PIXELS, OUT } = choice.values as Values<'SG' | 'SUBGROUPS' | 'PIXELS' | 'OUT'>;
    const operands = { x: x.slice, weight: weight.slice, bias: bias?.slice ?? device.zeros };
    device.dispatch({
      shader,
      entry: o % 4 === 0 ? 'conv2d_forward' : 'conv2d_forward_any',
      constants: {
        ...{ ...choice.values, LANES: lanes, ...alias, STEM: c < 4 },
        ...{ BIAS: bias !== undefined, ACTIVATION: activationNumber(activation) },
      },
      bindings: o % 4 === 0 ? { ...operands, y: y.slice } : { ...operands, y_scalar: y.slice },
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, n * oh * ow, PIXELS * SG * SUBGROUPS), Math.ceil(o / OUT) * groups],
    });
  },

  backwardInput(choice, { weight, sizes }, dy, dx) {
    const { n, h, w, c, o, groups, stride_h, stride_w } = sizes;
    const { device } = dy;
    const { SG, SUBGROUPS, PIXELS, OUT } = choice.values as Values<'SG' | 'SUBGROUPS' | 'PIXELS' | 'OUT'>;
    // The largest class of pixels with the same remainders modulo the strides.
    const pixels = n * Math.ceil(h / stride_h) * Math.ceil(w / stride_w);
    const operands = { weight: weight.slice, dy: dy.slice };
    device.dispatch({
      shader,
      entry: c % 4 === 0 ? 'conv2d_backward_input' : 'conv2d_backward_input_any',
      constants: { ...choice.values, ...reads(c, o) },
      bindings: c % 4 === 0 ? { ...operands, dx: dx.slice } : { ...operands, dx_scalar: dx.slice },
      params: paramsOf(sizes),
      flops: flopsOf(sizes),
      grid: [...linearGrid(device, pixels, PIXELS * SG * SUBGROUPS), Math.ceil(c / OUT) * groups * stride_h * stride_w],
    });
  },

  backwardWeight(choice, { x, sizes }, dy, dw) {
    const { c, o, groups } = sizes;
    const { device } = dy;
    const { workgroups, ...constants } = choice.values;
    const { SG, SUBGROUPS, COLUMNS, OUT } = choice.values as Values<'SG' | 'SUBGROUPS' | 'COLUMNS' | 'OUT'>;
    const columns = columnsOf(sizes);
    // Cut for the default tile, so that tiles of other sizes add in the same order.
    const standard = standardColumnTile(sizes, device).values as Values<'SG' | 'COLUMNS' | 'OUT'>;
    const blocks = Math.ceil(columns / (standard.COLUMNS * standard.SG)) * Math.ceil(o / standard.OUT) * groups;
    const { rows, splits } = splitRows(sizes, blocks, workgroups!);
    sumOfParts(dw, splits, parts => {
      device.dispatch({
        shader,
        entry: 'conv2d_backward_weight',
        constants: { ...constants, ...reads(c, o) },
        bindings: { x: x.slice, dy: dy.slice, parts: parts.slice },
        params: paramsOf(sizes, rows),
        flops: flopsOf(sizes),
        grid: [Math.ceil(columns / (COLUMNS * SG * SUBGROUPS)), Math.ceil(o / OUT) * groups, splits],
      });
    });
  },
};
