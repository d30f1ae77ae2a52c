import { writeFile } from 'node:fs/promises';
import type { Device } from '../../../gpu/device.js';
import { encodeSafeTensors } from '../../../interop/safetensors.js';
import { crossEntropy, normaliseImages } from '../../../kernels/index.js';
import { Dropout, modelRegistry, StochasticDepth, type Module } from '../../../nn/index.js';
import { backward, manualSeed, noGrad, scope, Tensor } from '../../../tensor/index.js';
import { Adam } from '../../../train/optim.js';
import { WrongResult } from '../../check.js';
import { imageBytes, integers, OPERAND, PIXELS } from '../../inputs.js';
import { LEARNING_RATE, type NetworkWork } from '../../work.js';
import type { Prepared } from '../contestant.js';

/** Batches that may wait for the GPU while steps are recorded, as in the training loop. */
const IN_FLIGHT = 2;
/** Steps on one batch after which its loss must have fallen. */
const LEARNING_STEPS = 6;

/** Builds the network with the weights of a fixed seed, and writes them to `weights`. */
export async function prepareNetwork(device: Device, work: NetworkWork, weights: string): Promise<Prepared> {
  manualSeed(1);
  const { create, channels } = modelRegistry[work.model]!;
  const network = create({ size: work.size });
  await writeFile(weights, encodeSafeTensors({ tensors: await network.stateDict(), metadata: {} }));
  return work.kind === 'train'
    ? prepareTraining(device, network, channels, work)
    : prepareInference(network, channels, work);
}

function loadImages(channels: number, { batch, size }: NetworkWork): () => Tensor {
  const bytes = imageBytes(batch, channels, size);
  const [mean, std] = [new Array<number>(channels).fill(PIXELS.mean), new Array<number>(channels).fill(PIXELS.std)];
  return () => normaliseImages(bytes, [batch, channels, size, size], mean, std);
}

async function prepareTraining(
  device: Device,
  network: Module,
  channels: number,
  work: NetworkWork,
): Promise<Prepared> {
  const optimizer = new Adam(network.parameters(), { lr: LEARNING_RATE });
  const x = scope(() => loadImages(channels, work)().keep());
  const labels = Tensor.from(integers(OPERAND.labels, work.batch, 7), [work.batch], { dtype: 'u32' }).keep();
  const step = () => {
    const loss = crossEntropy(network.forward(x), labels);
    backward(loss);
    optimizer.step();
    optimizer.zeroGrad();
    return loss;
  };
  const stepAndRead = async () => {
    const loss = scope(step);
    const value = await loss.item();
    loss.dispose();
    return value;
  };

  const restore = withoutDropout(network);
  const losses: number[] = [];
  for (let i = 0; i < LEARNING_STEPS; i++) losses.push(await stepAndRead());
  if (!(losses.at(-1)! < losses[0]!)) {
    throw new WrongResult(`the loss on one batch does not fall: ${losses.map(loss => loss.toFixed(4)).join(', ')}`);
  }
  restore();
  return {
    results: {
      loss: Float32Array.of(losses[0]!),
      'loss after a step': Float32Array.of(losses[1]!),
    },
    launch: () => {
      scope(() => {
        step();
      });
      return device.settle(IN_FLIGHT);
    },
    finish: () => device.settle(),
    dispose: () => {
      optimizer.dispose();
      for (const tensor of [x, labels, network]) tensor.dispose();
    },
  };
}

/** Switches off what implementations draw differently; the function that comes back switches it on again. */
function withoutDropout(network: Module): () => void {
  const layers = [...network.namedModules()]
    .map(([, module]) => module)
    .filter(module => module instanceof Dropout || module instanceof StochasticDepth)
    .map(layer => ({ layer, p: layer.p }));
  for (const { layer } of layers) layer.p = 0;
  return () => {
    for (const { layer, p } of layers) layer.p = p;
  };
}

async function prepareInference(network: Module, channels: number, work: NetworkWork): Promise<Prepared> {
  network.eval();
  const load = loadImages(channels, work);
  const infer = async () => {
    const logits = scope(() => noGrad(() => network.forward(load())));
    const values = await logits.data();
    logits.dispose();
    return values;
  };
  return {
    results: { logits: await infer() },
    launch: async () => {
      await infer();
    },
    finish: () => Promise.resolve(),
    dispose: () => {
      network.dispose();
    },
  };
}
