import type { Trained } from '../evaluate/trained.js';
import type { Device } from '../gpu/device.js';
import { normaliseImages } from '../kernels/index.js';
import { AdaptedInput } from '../nn/index.js';
import { noGrad, scope, setDefaultDevice, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { RandomStream } from '../util/random.js';
import { networkOf, type Network } from './network.js';
import { preprocessingOf, type ExportRequest } from './trained.js';

/** Stream of the random images. */
const IMAGES_STREAM = 90;
const BATCH = 3;
/** The greatest difference that rounding explains, as a part of the largest logit. */
const TOLERANCE = 1e-4;

export interface Comparison {
  /** Greatest difference of two logits, and what it may be. */
  readonly difference: number;
  readonly tolerance: number;
}

/** Images for a network, as onnxruntime takes them and as ours does. */
interface Images {
  readonly data: Float32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly ours: () => Tensor;
}

/**
 * Runs random images through an exported file in onnxruntime-node and through our network on `device`.
 * @throws UserError where onnxruntime-node is not installed
 */
export async function compareWithOnnxRuntime(
  bytes: Uint8Array,
  trained: Trained,
  request: ExportRequest,
  device: Device,
): Promise<Comparison> {
  const { InferenceSession, Tensor: OrtTensor } = await loadOnnxRuntime();
  setDefaultDevice(device);
  const network = networkOf(trained, request);
  const preprocess = request.preprocess && preprocessingOf(network, request.preprocess);
  const model = preprocess
    ? new AdaptedInput(network.model, { size: network.size, normalise: preprocess })
    : network.model;
  const images = imagesFor(network, request);
  const expected = await scope(() => noGrad(() => model.eval().forward(images.ours()))).data();
  model.dispose();
  const session = await InferenceSession.create(bytes, { executionProviders: ['cpu'] });
  const { data, shape } = images;
  const input = new OrtTensor(data instanceof Uint8Array ? 'uint8' : 'float32', data, shape);
  const { logits } = await session.run({ [session.inputNames[0]!]: input });
  await session.release();
  const actual = logits!.data as Float32Array;
  const most = (values: Float32Array, value: (v: number, i: number) => number) =>
    values.reduce((greatest, v, i) => Math.max(greatest, value(v, i)), 0);
  const difference = most(expected, (v, i) => Math.abs(v - actual[i]!));
  return {
    // NaN compares as nothing else does.
    difference: actual.length === expected.length && actual.every(Number.isFinite) ? difference : Infinity,
    tolerance: TOLERANCE * Math.max(1, most(expected, Math.abs)),
  };
}

function imagesFor({ channels, size, imageChannels }: Network, { preprocess }: ExportRequest): Images {
  const random = new RandomStream(0, IMAGES_STREAM);
  if (!preprocess) {
    const shape = [BATCH, channels, size, size];
    const data = Float32Array.from({ length: BATCH * channels * size * size }, () => random.normal());
    return { data, shape, ours: () => Tensor.from(data, shape) };
  }
  // Wider and less high than what the network takes.
  const shape = [BATCH, imageChannels, Math.ceil(0.8 * size), Math.ceil(1.3 * size)] as const;
  const bytes = Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.integer(256));
  if (preprocess === 'float') {
    const data = Float32Array.from(bytes, byte => byte / 255);
    return { data, shape, ours: () => Tensor.from(data, shape) };
  }
  const [n, c, h, w] = shape;
  // Our images have their channels innermost.
  const pixels = h * w;
  const inner = Uint8Array.from(bytes, (_, i) => {
    const [image, pixel, channel] = [Math.floor(i / (c * pixels)), Math.floor(i / c) % pixels, i % c];
    return bytes[(image * c + channel) * pixels + pixel]!;
  });
  const [zeros, ones] = [new Array<number>(c).fill(0), new Array<number>(c).fill(1)];
  return { data: bytes, shape, ours: () => normaliseImages(inner, [n, c, h, w], zeros, ones) };
}

async function loadOnnxRuntime() {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UserError('onnxruntime-node is not installed: npm install onnxruntime-node, or leave out --check');
  }
}
