import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { linearGrid } from './grid.js';

/** A range of flat memory that one launch updates: parameters, gradients and the optimiser's own state, equally long. */
export interface FlatRange {
  readonly parameter: Slice;
  readonly gradient: Slice;
  /** Adam's mean of gradients, SGD's velocity. */
  readonly first?: Slice | undefined;
  /** Adam's mean of squared gradients. */
  readonly second?: Slice | undefined;
}

/** Entry points of optimizer.wgsl. */
export type UpdateRule = 'adam' | 'sgd' | 'sgd_momentum';

export interface StepConstants {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  readonly weightDecay: number;
  readonly momentum?: number;
}

/**
 * One update of a range. `state` holds what changes at every step (optimizer.wgsl); `totals` counts losses that were not
 * finite, and stops the update (device.zeros: never).
 */
export function optimizerStep(
  device: Device,
  rule: UpdateRule,
  range: FlatRange,
  state: Slice,
  totals: Slice,
  values: StepConstants,
  nesterov = false,
): void {
  const count = range.parameter.bytes / 16;
  const { beta1 = 0, beta2 = 0, eps = 0, weightDecay, momentum = 0 } = values;
  const { parameter, gradient, first, second } = range;
  device.dispatch({
    shader: 'optimizer',
    entry: rule,
    constants: rule === 'sgd_momentum' ? { NESTEROV: nesterov } : {},
    bindings: { parameter, gradient, state, totals, ...(first && { first }), ...(second && { second }) },
    params: { count, beta1, beta2, eps, weight_decay: weightDecay, momentum },
    grid: linearGrid(device, count),
  });
}
