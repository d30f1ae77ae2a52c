import type { Dispatch } from '../../gpu/device.js';
import { openDevice, shaderText, type OpenOptions } from '../../gpu/node.js';
import { parseShader, specialise } from '../../gpu/shader.js';
import { setDefaultDevice } from '../../tensor/index.js';
import { adapterName } from '../../train/trainer.js';
import type { TuningTable } from '../../gpu/device.js';
import type { Device } from '../../gpu/device.js';
import { jobOf } from '../contestants/facegrad/kernels.js';
import type { KernelWork } from '../work.js';

/** One launch of a piece of work, with the text that it compiles. */
export interface ShownLaunch extends Pick<Dispatch, 'shader' | 'entry' | 'constants' | 'params' | 'grid'> {
  readonly bindings: readonly string[];
  readonly wgsl: string;
}

export interface ShowOptions extends OpenOptions {
  /** The choices of kernels that count on the device, such as those of `facegrad tune-kernels`. */
  readonly tuning?: (device: Device) => Promise<TuningTable>;
}

/**
 * What the engine launches for `work` on the adapter; nothing is run. With a number of lanes, or without subgroups, no
 * adapter is needed.
 */
export async function launchesOf(
  work: KernelWork,
  { tuning, ...options }: ShowOptions,
): Promise<{ adapter: string; launches: ShownLaunch[] }> {
  const paper = options.lanes !== undefined || options.subgroups === false;
  const device = await openDevice(paper ? { ...options, backend: 'null' } : options);
  try {
    setDefaultDevice(device);
    if (tuning) device.tuning = await tuning(device);
    const { run } = jobOf(work);
    const launches = device.launchesOf(run).map(({ shader, entry, constants = {}, params = {}, grid, bindings }) => ({
      ...{ shader, entry, constants, params, grid, bindings: Object.keys(bindings) },
      wgsl: specialise(parseShader(shader, shaderText(shader)), constants),
    }));
    const lanes = device.subgroupSize;
    const kind = lanes > 0 ? `any adapter with subgroups of ${lanes}` : 'any adapter, without subgroups';
    return { adapter: paper ? kind : adapterName(device), launches };
  } finally {
    device.destroy();
  }
}
