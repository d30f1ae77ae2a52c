import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeOnnx, type OnnxModel } from '../../src/interop/onnx/index.js';

/** Runs an ONNX model on the processor, with onnxruntime's own optimisations; the output is `logits`. */
export async function onnxRuntime(model: OnnxModel | Uint8Array) {
  const bytes = model instanceof Uint8Array ? model : encodeOnnx(model);
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'], intraOpNumThreads: 1 });
  return {
    run: async (data: Float32Array | Uint8Array, shape: readonly number[]): Promise<Float32Array> => {
      const input = new Tensor(data instanceof Uint8Array ? 'uint8' : 'float32', data, shape);
      const { logits } = await session.run({ [session.inputNames[0]!]: input });
      return logits!.data as Float32Array;
    },
    release: () => session.release(),
  };
}
