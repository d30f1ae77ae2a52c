import { openDevice } from '../../../gpu/node.js';
import { setDefaultDevice } from '../../../tensor/index.js';
import { adapterName } from '../../../train/trainer.js';
import { isSoftware, Unsupported, type OpenContestant } from '../contestant.js';
import { prepareKernel } from './kernels.js';
import { prepareNetwork } from './networks.js';

export const openFacegrad: OpenContestant = async options => {
  const device = await openDevice(options);
  setDefaultDevice(device);
  return {
    adapter: adapterName(device),
    software: isSoftware(device.info),
    prepare: async (work, weights) => {
      switch (work.kind) {
        case 'train':
        case 'infer':
          return prepareNetwork(device, work, weights);
        case 'start':
          throw new Unsupported('commands are timed from outside');
        default:
          return prepareKernel(device, work);
      }
    },
  };
};
