import { modelRegistry } from '../../../nn/index.js';
import { imageBytes, normalised, transposeEach } from '../../inputs.js';
import { Unsupported, type OpenContestant } from '../contestant.js';
import { loadPeer } from '../peers.js';
import { Weights } from '../weights.js';
import { encodeNetwork } from './encode.js';

/** What is used of onnxruntime-node 1.30. */
interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OnnxSession>;
  };
}

interface OnnxTensor {
  readonly data: Float32Array;
}

interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** onnxruntime on the processor, for inference: its own engine, with all of its graph optimisations. */
export const openOnnxRuntime: OpenContestant = () => {
  const ort = loadPeer('onnxruntime-node') as OnnxRuntime;
  return Promise.resolve({
    adapter: 'processor',
    software: true,
    prepare: async (work, weightsFile) => {
      if (work.kind !== 'infer') throw new Unsupported('is timed on inference only');
      const { model, size, batch } = work;
      const { channels } = modelRegistry[model]!;
      const weights = await Weights.read(weightsFile);
      const bytes = encodeNetwork(model, weights, [batch, channels, size, size]);
      weights.requireAllUsed();
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'all',
      });
      const images = transposeEach(normalised(imageBytes(batch, channels, size)), batch, size * size, channels);
      const infer = async () => {
        const input = new ort.Tensor('float32', images, [batch, channels, size, size]);
        return (await session.run({ input })).logits!.data;
      };
      return {
        results: { logits: Float32Array.from(await infer()) },
        launch: async () => {
          await infer();
        },
        finish: () => Promise.resolve(),
        dispose: () => {
          void session.release();
        },
      };
    },
  });
};
