import type { Trained } from '../evaluate/trained.js';
import { openDevice } from '../gpu/node.js';
import { encodeOnnx, type OnnxModel } from '../interop/onnx/index.js';
import { setDefaultDevice } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { networkOf, type Given, type Network } from './network.js';
import { toOnnx, type Preprocessing } from './onnx/index.js';

export interface ExportRequest extends Given {
  readonly opset?: number | undefined;
  readonly foldBatchNorm?: boolean | undefined;
  /** Values of the images, where preprocessing is to be part of the file. */
  readonly preprocess?: Preprocessing['images'] | undefined;
  /** Version of facegrad. */
  readonly version: string;
}

export interface Exported {
  /** The content of the `.onnx` file. */
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
  readonly parameters: number;
  /** What was done to images in training that neither the file nor its metadata can do. */
  readonly alsoDone: readonly string[];
}

/**
 * A trained network as an `.onnx` file. Needs no GPU: nothing is computed. Afterwards there is no default device.
 * @throws UserError where weights, network, classes and normalisation do not fit together, and where preprocessing is
 * asked for and nobody knows the normalisation
 */
export async function exportTrained(trained: Trained, request: ExportRequest): Promise<Exported> {
  const device = await openDevice({ backend: 'null' });
  setDefaultDevice(device);
  try {
    const network = networkOf(trained, request);
    const { channels, size } = network;
    const { opset, foldBatchNorm, version } = request;
    const preprocess = request.preprocess && preprocessingOf(network, request.preprocess);
    const model = toOnnx(network.model, trained.state, {
      ...{ channels, size, opset, foldBatchNorm, preprocess, version },
      name: trained.model.model,
      metadata: metadataOf(trained, network, request),
    });
    const parameters = network.model.parameters().reduce((total, { size: count }) => total + count, 0);
    network.model.dispose();
    return { bytes: encodeOnnx(model), model, parameters, alsoDone: network.alsoDone };
  } finally {
    setDefaultDevice(undefined);
    device.destroy();
  }
}

/** @throws UserError where nobody knows how to normalise */
export function preprocessingOf({ imageChannels, normalise }: Network, images: Preprocessing['images']): Preprocessing {
  if (!normalise) {
    throw new UserError('the weights do not say how images are normalised: give --mean and --std, or no --preprocess');
  }
  return { images, channels: imageChannels, ...normalise };
}

/** `metadata_props`: what a user of the file must know of its images and classes; all but `model` are JSON. */
function metadataOf(
  { model }: Trained,
  { channels, size, imageChannels, normalise, classes, alsoDone }: Network,
  { preprocess }: ExportRequest,
): Record<string, string> {
  const images = { channels: preprocess ? imageChannels : channels, size, values: preprocess ?? 'normalised' };
  return {
    model: model.model,
    ...(classes ? { classes: JSON.stringify(classes) } : {}),
    images: JSON.stringify(images),
    ...(normalise ? { mean: JSON.stringify(normalise.mean), std: JSON.stringify(normalise.std) } : {}),
    ...(alsoDone.length > 0 ? { also_done: JSON.stringify(alsoDone) } : {}),
  };
}
