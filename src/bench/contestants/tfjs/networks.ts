import { modelRegistry } from '../../../nn/index.js';
import { ADAM, BATCH_NORM_EPS } from '../../expected.js';
import { imageBytes, integers, normalised, OPERAND } from '../../inputs.js';
import { LEARNING_RATE, type NetworkWork } from '../../work.js';
import type { Prepared } from '../contestant.js';
import { networks } from '../networks.js';
import { Weights } from '../weights.js';
import type { TF, TFLayers } from './api.js';
import { LayersBuilder } from './layers.js';

/** Builds the network from TensorFlow.js's layers, with facegrad's weights. */
export async function prepareNetwork(
  tf: TF,
  layers: TFLayers,
  work: NetworkWork,
  weightsFile: string,
): Promise<Prepared> {
  const { core } = tf;
  const { size, batch } = work;
  const { channels } = modelRegistry[work.model]!;
  const weights = await Weights.read(weightsFile);
  const builder = new LayersBuilder(core, layers, weights, BATCH_NORM_EPS);
  const inputs = layers.input({ shape: [size, size, channels] });
  const model = layers.model({ inputs, outputs: networks[work.model]!(builder, inputs) });
  builder.setWeights();
  weights.requireAllUsed();

  const images = normalised(imageBytes(batch, channels, size));
  const shape = [batch, size, size, channels];
  if (work.kind === 'infer') {
    const infer = async () => tf.read(core.tidy(() => model.apply(core.tensor(images, shape), { training: false })));
    return {
      results: { logits: await infer() },
      launch: async () => {
        await infer();
      },
      finish: () => Promise.resolve(),
      dispose: () => {
        model.dispose();
      },
    };
  }

  const x = core.tensor(images, shape);
  const labels = Int32Array.from(integers(OPERAND.labels, batch, 7));
  const onehot = core.tidy(() => core.cast(core.oneHot(core.tensor1d(labels, 'int32'), 7), 'float32'));
  const optimizer = core.train.adam(LEARNING_RATE, ADAM.beta1, ADAM.beta2, ADAM.eps);
  const step = () =>
    optimizer.minimize(() => core.losses.softmaxCrossEntropy(onehot, model.apply(x, { training: true })), true);
  const restore = builder.withoutDropout();
  const loss = await tf.read(step());
  const after = await tf.read(step());
  restore();
  return {
    results: { loss, 'loss after a step': after },
    launch: () => {
      step().dispose();
    },
    finish: tf.finish,
    dispose: () => {
      for (const held of [x, onehot, optimizer, model]) held.dispose();
    },
  };
}
