import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { linearGrid } from './grid.js';
import type { FlatMemory } from './optimizer.js';

/**
 * gradient += strength · (parameter − start), where there is a gradient (l2_sp.wgsl).
 *
 * @param start as long as the parameters
 * @param strengths a float for each chunk of them
 */
export function pullToStart(
  device: Device,
  { parameter, gradient, chunks }: Pick<FlatMemory, 'parameter' | 'gradient' | 'chunks'>,
  start: Slice,
  strengths: Slice,
): void {
  const count = parameter.bytes / 16;
  device.dispatch({
    shader: 'l2_sp',
    entry: 'l2_sp',
    bindings: { parameter, gradient, start, strengths, chunks },
    params: { count },
    grid: linearGrid(device, count),
  });
}
