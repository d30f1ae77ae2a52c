import type { Device } from '../gpu/device.js';
import { encodeSafeTensors, type HostTensor } from '../interop/safetensors.js';
import { init, summarize } from '../nn/index.js';
import { definitionOf, type ModelChoice } from '../train/model.js';
import { createWorkload, type Mode } from '../train/profile/workload.js';
import { adapterName } from '../train/trainer.js';
import { IN_FLIGHT } from '../train/validate.js';

/** What a network costs for one image, whatever computes it. */
export interface ModelCost {
  readonly model: string;
  /** (C,H,W) of an image. */
  readonly input: readonly [channels: number, height: number, width: number];
  readonly classes: number;
  readonly parameters: number;
  /** Multiply-accumulates of one image's forward pass, in convolutions and linear layers. */
  readonly macs: number;
  /** What all operations put out for one image, in float32: what training keeps for the backward pass. */
  readonly activationBytes: number;
  /** A checkpoint with the weights alone, as safetensors. */
  readonly checkpointBytes: number;
}

/** How fast a network is on an adapter, from images on the host on. */
export interface ModelSpeed {
  readonly adapter: string;
  readonly batchSize: number;
  /** Images a second of whole training steps with Adam. */
  readonly training: number;
  /** Images a second of forward passes in evaluation mode. */
  readonly inference: number;
}

/** Of what images a network is to be built for; by default its own. */
export interface CostInput {
  readonly classes?: number;
  /** Channels of the images; a network for colour repeats a grey one. */
  readonly channels?: number;
}

/**
 * Counts what a network costs. Only shapes matter: the default device may be one that runs nothing.
 * @throws {UserError} for a model or an option that does not exist
 */
export function costOf(choice: ModelChoice, of: CostInput = {}): ModelCost {
  const definition = definitionOf(choice);
  const { inputSize: size = definition.size, dropout, se, activation } = choice;
  const channels = definition.channels === 3 ? 3 : (of.channels ?? definition.channels);
  const classes = of.classes ?? definition.classes;
  const network = init.withoutValues(() => definition.create({ classes, channels, size, dropout, se, activation }));
  try {
    const input = [channels, size, size] as const;
    const { parameters, macs, activationBytes } = summarize(network, input).total;
    const checkpointBytes = weightBytes(network.stateShapes());
    return { model: choice.model, input, classes, parameters, macs, activationBytes, checkpointBytes };
  } finally {
    network.dispose();
  }
}

/** Bytes of a safetensors file with tensors of these names and shapes, without what it may say of itself. */
function weightBytes(shapes: readonly (readonly [name: string, shape: readonly number[]])[]): number {
  const tensors = shapes.map(([name, shape]): [string, HostTensor] => [
    name,
    // Scalars are counts of batches.
    shape.length === 0
      ? { dtype: 'I64', shape, data: new BigInt64Array(1) }
      : { dtype: 'F32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
  ]);
  return encodeSafeTensors({ tensors: new Map(tensors), metadata: {} }).length;
}

/** Steps before anything is timed: kernels are compiled in the first, and from the third on nothing new is made. */
const WARM_UP = 3;
const LEAST_STEPS = 3;

export interface SpeedOptions extends ModelChoice, CostInput {
  readonly batchSize: number;
  /** Least time that training, and inference, are measured for. */
  readonly seconds: number;
  /** Told what is being timed. */
  readonly onProgress?: (mode: Mode) => void;
}

/**
 * Measures a network with random images of its own size: whole training steps, then forward passes.
 * @throws {UserError} where the network cannot be built or trained so
 */
export async function measureSpeed(device: Device, options: SpeedOptions): Promise<ModelSpeed> {
  const { batchSize, seconds, onProgress = () => undefined, ...choice } = options;
  const rate = async (mode: Mode) => {
    onProgress(mode);
    const workload = createWorkload(device, { ...choice, mode, batchSize, optimizer: 'adam' });
    try {
      for (let i = 0; i < WARM_UP; i++) {
        workload.step();
        await device.settle(IN_FLIGHT);
      }
      await device.settle();
      const began = performance.now();
      let steps = 0;
      while (steps < LEAST_STEPS || performance.now() - began < 1000 * seconds) {
        // As in training: the host records a step while the GPU works on those before.
        workload.step();
        await device.settle(IN_FLIGHT);
        steps++;
      }
      await device.settle();
      return (1000 * batchSize * steps) / (performance.now() - began);
    } finally {
      workload.dispose();
    }
  };
  const training = await rate('train');
  return { adapter: adapterName(device), batchSize, training, inference: await rate('infer') };
}

/** Seconds of an epoch at such speed: a step of training for each training image, a forward pass for each to validate by. */
export function secondsPerEpoch(speed: ModelSpeed, images: { readonly train: number; readonly val: number }): number {
  return images.train / speed.training + images.val / speed.inference;
}
