import type { Device } from '../gpu/device.js';
import { align, ALIGNMENT, type Slice } from '../gpu/pool.js';
import { linearGrid, WORKGROUP } from './grid.js';

/** Bytes of flat memory that follow the same record: no two parameters share a chunk. */
export const CHUNK_BYTES = ALIGNMENT;
/** In `chunks`, for memory that is not to be touched. */
export const FROZEN_CHUNK = 0xffffffff;
/** Floats of `records` before the first record, and of each record (optimizer.wgsl). */
export const RECORD_HEADER = 4;
/** Floats of each record. */
export const RECORD_SIZE = 8;

/** Flat memory that one launch updates: parameters, gradients and the optimiser's own state, equally long. */
export interface FlatMemory {
  readonly parameter: Slice;
  readonly gradient: Slice;
  /** The optimiser's state, as many as the rule needs, in the order in which optimizer.wgsl has them. */
  readonly state: readonly Slice[];
  /** For each chunk its record and the number of its elements: pairs of u32. */
  readonly chunks: Slice;
}

/** Entry points of optimizer.wgsl. */
export type UpdateRule =
  'adam' | 'sgd' | 'sgd_momentum' | 'rmsprop' | 'rmsprop_momentum' | 'rmsprop_centered' | 'rmsprop_centered_momentum';

/** What stays the same from step to step. */
export interface UpdateConstants {
  /** Adam's β2, RMSprop's α. */
  readonly smoothing?: number;
  readonly eps?: number;
  readonly nesterov?: boolean;
  /** Adam's weight decay shrinks the parameter instead of being added to the gradient: AdamW. */
  readonly decoupled?: boolean;
}

/** Gradients are cut off by their common norm, or each at a value. */
export type Clipping = { readonly norm: number } | { readonly value: number };

const NO_PARAMS = { count: 0, smoothing: 0, renewal: 0, eps: 0, clip: 0, parts: 0 };
const STATES = ['first', 'second', 'third'] as const;

/** vec4s that an invocation of `norm_parts` sums. */
const SPAN = 16;

const vec4sOf = (slice: Slice) => slice.bytes / 16;

/**
 * One update of a flat memory. `records` holds what changes at every step; `totals` counts losses that were not finite, and
 * stops the update (device.zeros: never).
 */
export function optimizerStep(
  device: Device,
  rule: UpdateRule,
  memory: FlatMemory,
  records: Slice,
  totals: Slice,
  { smoothing = 0, eps = 0, nesterov = false, decoupled = false }: UpdateConstants,
  clipping?: Clipping,
): void {
  const { parameter, gradient, chunks, state } = memory;
  const count = vec4sOf(parameter);
  const named = Object.fromEntries(state.map((slice, i) => [STATES[i]!, slice]));
  device.dispatch({
    shader: 'optimizer',
    entry: rule,
    constants: {
      ...(rule === 'sgd_momentum' && { NESTEROV: nesterov }),
      ...(rule === 'adam' && { DECOUPLED: decoupled }),
      ...(clipping && { CLIP_NORM: 'norm' in clipping, CLIP_VALUE: 'value' in clipping }),
    },
    bindings: { parameter, gradient, ...named, records, chunks, totals },
    params: {
      ...NO_PARAMS,
      ...{ count, smoothing, renewal: 1 - smoothing, eps },
      clip: clipping && 'value' in clipping ? clipping.value : 0,
    },
    grid: linearGrid(device, count),
  });
}

const normParts = (gradient: Slice) => Math.ceil(vec4sOf(gradient) / (WORKGROUP * SPAN));
/** A memory's parts end on an offset that a kernel may bind. */
const partsBytes = (gradient: Slice) => align(4 * normParts(gradient));

/** Bytes that `gradientNorm` needs for the parts of its sum. */
export function normPartsBytes(memories: readonly Pick<FlatMemory, 'gradient'>[]): number {
  return memories.reduce((bytes, { gradient }) => bytes + partsBytes(gradient), 0);
}

/**
 * The L2 norm of all gradients together, over the chunks that are updated, and the factor that brings it down to `most`:
 * both into the header of `records`. `parts` is as long as `normPartsBytes` says, and zero where no part is written.
 */
export function gradientNorm(
  device: Device,
  memories: readonly Pick<FlatMemory, 'gradient' | 'chunks'>[],
  parts: Slice,
  records: Slice,
  most: number,
): void {
  let offset = 0;
  for (const { gradient, chunks } of memories) {
    const own = normParts(gradient);
    const bytes = partsBytes(gradient);
    const [x, y] = linearGrid(device, own, 1);
    device.dispatch({
      shader: 'optimizer',
      entry: 'norm_parts',
      constants: { SPAN },
      bindings: { gradient, parts: { ...parts, offset: parts.offset + offset, bytes }, chunks },
      params: { ...NO_PARAMS, count: vec4sOf(gradient), parts: own },
      grid: [x, y],
    });
    offset += bytes;
  }
  device.dispatch({
    shader: 'optimizer',
    entry: 'norm_finish',
    bindings: { all_parts: parts, header: records },
    params: { ...NO_PARAMS, clip: most, parts: offset / 4 },
    grid: [1],
  });
}

/**
 * Counts an update in `progress`, of 16 bytes that begin as zeros, and puts there what the average takes of the parameters
 * after it (optimizer.wgsl). Stands still as `optimizerStep` does.
 */
export function averageWeight(device: Device, progress: Slice, decay: number, warmup: boolean, totals: Slice): void {
  device.dispatch({
    shader: 'optimizer',
    entry: 'ema_weight',
    constants: { WARM_UP: warmup },
    bindings: { progress, totals },
    params: { ...NO_PARAMS, renewal: 1 - decay },
    grid: [1],
  });
}

/** average += weight · (parameter − average), with the weight of `averageWeight`. Stands still as `optimizerStep` does. */
export function updateAverage(device: Device, source: Slice, average: Slice, weight: Slice, totals: Slice): void {
  const count = vec4sOf(source);
  device.dispatch({
    shader: 'optimizer',
    entry: 'ema_update',
    bindings: { source, average, weight, totals },
    params: { ...NO_PARAMS, count },
    grid: linearGrid(device, count),
  });
}

/** Parameters and averages change places. */
export function swapAverage(device: Device, parameter: Slice, average: Slice): void {
  const count = vec4sOf(parameter);
  device.dispatch({
    shader: 'optimizer',
    entry: 'ema_swap',
    bindings: { parameter, average },
    params: { ...NO_PARAMS, count },
    grid: linearGrid(device, count),
  });
}
