import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { linearGrid } from './grid.js';
import type { FlatMemory } from './optimizer.js';

/** When and by how much the scale of the loss changes. Factors are powers of two, so that scaling changes no digit. */
export interface ScalerRule {
  /** Factor after `interval` steps without infinities. */
  readonly growth: number;
  /** Factor after a step with one. */
  readonly backoff: number;
  readonly interval: number;
}

const NO_PARAMS = { count: 0, growth: 0, backoff: 0, interval: 0 };

/** Divides gradients by the scale in `state`, where it is noted if one of them is not finite (grad_scaler.wgsl). */
export function unscaleGradients(
  device: Device,
  { gradient, chunks }: Pick<FlatMemory, 'gradient' | 'chunks'>,
  state: Slice,
): void {
  const count = gradient.bytes / 16;
  device.dispatch({
    shader: 'grad_scaler',
    entry: 'unscale',
    bindings: { gradient, chunks, state },
    params: { ...NO_PARAMS, count },
    grid: linearGrid(device, count),
  });
}

/** Whose records depend on the number of updates: entry points of grad_scaler.wgsl. */
export type RecordCorrection = 'correct_adam' | 'correct_sgd';

/** Gives so many of the optimiser's `records` what follows from the updates that were made, which `state` knows. */
export function correctRecords(
  device: Device,
  entry: RecordCorrection,
  records: Slice,
  count: number,
  state: Slice,
): void {
  device.dispatch({
    shader: 'grad_scaler',
    entry,
    bindings: { state, records },
    params: { ...NO_PARAMS, count },
    grid: linearGrid(device, count),
  });
}

/**
 * Decides on a step whose gradients are unscaled: `guard` is what the optimiser takes for the totals, and `state` moves on to
 * the next step.
 */
export function finishScaling(device: Device, state: Slice, totals: Slice, guard: Slice, rule: ScalerRule): void {
  device.dispatch({
    shader: 'grad_scaler',
    entry: 'finish',
    bindings: { state, totals, guard },
    params: { ...NO_PARAMS, ...rule },
    grid: [1],
  });
}
