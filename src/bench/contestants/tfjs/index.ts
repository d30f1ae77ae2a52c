import { provideNavigatorGpu, waitInTurns } from '../../../gpu/node.js';
import { isSoftware } from '../../../gpu/software.js';
import { isKernel } from '../../work.js';
import { Unsupported, type OpenContestant } from '../contestant.js';
import { loadPeer } from '../peers.js';
import type { TF, TFCore, TFLayers, TFWebGPUBackend } from './api.js';
import { prepareKernel } from './kernels.js';
import { prepareNetwork } from './networks.js';

export type TFBackend = 'webgpu' | 'wasm' | 'cpu';

/** tfjs-backend-webgpu runs on the adapter that facegrad takes with the same options; the other two on the processor. */
export const openTensorFlow =
  (backend: TFBackend): OpenContestant =>
  async options => {
    // Before the packages are loaded: they look for `navigator.gpu` then.
    const adapter = backend === 'webgpu' ? provideNavigatorGpu(options) : () => null;
    const core = loadPeer('@tensorflow/tfjs-core') as TFCore;
    const layers = loadPeer('@tensorflow/tfjs-layers') as TFLayers;
    loadPeer(`@tensorflow/tfjs-backend-${backend}`);
    if (!(await core.setBackend(backend))) throw new Error(`tfjs-backend-${backend} does not start here`);
    await core.ready();
    const info = adapter()?.info;
    const tf: TF = { core, finish: finisher(core, backend), read };
    return {
      adapter: info ? info.description || `${info.vendor} ${info.architecture}` : 'processor',
      software: info ? isSoftware(info) : true,
      prepare: async (work, weights) => {
        try {
          if (isKernel(work)) return await prepareKernel(tf, work);
          if (work.kind === 'start') throw new Unsupported('has no such command');
          return await prepareNetwork(tf, layers, work, weights);
        } catch (error) {
          const kernel = /Kernel '(\w+)' not registered/.exec(error instanceof Error ? error.message : '')?.[1];
          if (kernel !== undefined) throw new Unsupported(`has no ${kernel}`);
          throw error;
        }
      },
    };
  };

function finisher(core: TFCore, backend: TFBackend): () => Promise<void> {
  // The other two have done the work when a call returns.
  if (backend !== 'webgpu') return () => Promise.resolve();
  const gpu = core.backend() as TFWebGPUBackend;
  return async () => {
    if (gpu.commandEncoder) {
      gpu.endComputePassEncoder();
      gpu.submitQueue();
    }
    // As facegrad waits: a pending promise of Dawn takes a core from a software driver otherwise.
    await waitInTurns(gpu.queue.onSubmittedWorkDone());
  };
}

async function read(tensor: { data(): Promise<Float32Array>; dispose(): void }): Promise<Float32Array> {
  const data = await waitInTurns(tensor.data());
  tensor.dispose();
  return Float32Array.from(data);
}
