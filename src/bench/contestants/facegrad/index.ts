import type { Device } from '../../../gpu/device.js';
import { openDevice, type OpenOptions } from '../../../gpu/node.js';
import { isSoftware } from '../../../gpu/software.js';
import { setDefaultDevice } from '../../../tensor/index.js';
import { adapterName } from '../../../train/trainer.js';
import { isKernel } from '../../work.js';
import { Unsupported, type OpenContestant } from '../contestant.js';
import { prepareKernel } from './kernels.js';
import { prepareNetwork } from './networks.js';

/** What a figure under mixed precision must say of itself. */
function precisionOf({ matrices }: Device, { precision }: OpenOptions): string {
  if (precision !== 'amp') return '';
  if (!matrices) return ', f32, since it has no subgroup matrices of f16';
  return `, f16 operands on subgroup matrices of ${matrices.m}x${matrices.n}x${matrices.k}`;
}

export const openFacegrad: OpenContestant = async options => {
  const device = await openDevice(options);
  setDefaultDevice(device);
  return {
    adapter: adapterName(device) + precisionOf(device, options),
    software: isSoftware(device.info),
    prepare: async (work, weights) => {
      if (isKernel(work)) return prepareKernel(device, work);
      if (work.kind === 'start') throw new Unsupported('commands are timed from outside');
      return prepareNetwork(device, work, weights);
    },
  };
};
