import { checkOnnx, encodeOnnx, GraphBuilder, type OnnxGraph, type OnnxModel } from '../../interop/onnx/index.js';
import type { HostTensor } from '../../interop/safetensors.js';
import { AdaptedInput } from '../../nn/adapted-input.js';
import type { Module } from '../../nn/module.js';
import { UserError } from '../../util/errors.js';
import { foldBatchNorm } from '../fold.js';
import { trace, type Trace, type TracedOp, type Value } from '../trace.js';
import { unfuse } from '../unfuse.js';
import { exporterOf, type Call } from './ops.js';

/** Operator sets that can be written. */
export const OPSETS = { least: 17, most: 23 } as const;

/** What an exported network takes when preprocessing is part of it. */
export interface Preprocessing {
  /** Values of the images: bytes, or floats in 0..1. */
  readonly images: 'uint8' | 'float';
  /** Of the images: as many as there are means, or 1, which is repeated to as many. */
  readonly channels: number;
  /** By channel of the network, on pixels in 0..1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What an ONNX file is to hold beside the network. */
export interface OnnxOptions {
  /** What the network takes: images (N,channels,size,size). */
  readonly channels: number;
  readonly size: number;
  /** Version of ONNX's operators, 17 by default. */
  readonly opset?: number | undefined;
  /** Batch normalisations become part of the layers before them. */
  readonly foldBatchNorm?: boolean | undefined;
  /**
   * With it the graph takes `images` (N,channels,H,W) of any height and width, resizes them bilinearly without antialiasing
   * and normalises them; else it takes `input` (N,channels,size,size), normalised.
   */
  readonly preprocess?: Preprocessing | undefined;
  /** The graph's name. */
  readonly name?: string | undefined;
  /** Version of facegrad. */
  readonly version?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * A network as an ONNX model: `input` or `images` to `logits` (N,K), for any size of the batch.
 *
 * @param state the network's state dict; what its tensors hold on the device is not looked at
 * @throws UserError for an opset that cannot be written
 * @throws Error where the network does what ONNX export does not know
 */
export function toOnnx(model: Module, state: ReadonlyMap<string, HostTensor>, options: OnnxOptions): OnnxModel {
  const { opset = OPSETS.least, name = model.constructor.name, version = '', metadata = {} } = options;
  if (!Number.isInteger(opset) || opset < OPSETS.least || opset > OPSETS.most) {
    throw new UserError(`opset ${opset} cannot be written; ${OPSETS.least} to ${OPSETS.most} can`);
  }
  const plain = unfuse(traced(model, state, options));
  const graph = graphOf(options.foldBatchNorm ? foldBatchNorm(plain) : plain, { ...options, opset, name });
  const result: OnnxModel = { opset, producer: { name: 'facegrad', version }, graph, metadata };
  checkOnnx(result);
  return result;
}

/**
 * The bytes of an `.onnx` file with a network as it stands on its device.
 * @throws as `toOnnx`
 */
export async function exportOnnx(model: Module, options: OnnxOptions): Promise<Uint8Array> {
  return encodeOnnx(toOnnx(model, await model.stateDict(), options));
}

function traced(
  model: Module,
  state: ReadonlyMap<string, HostTensor>,
  { channels, size, preprocess }: OnnxOptions,
): Trace {
  if (!preprocess) return trace(model, [1, channels, size, size], state);
  const { mean, std } = preprocess;
  if (mean.length !== channels || std.length !== channels) {
    throw new UserError(`the network has ${channels} channels: preprocessing needs as many means and deviations`);
  }
  // Images of another size than the network's, so that the resize is seen.
  const given = [1, preprocess.channels, size + 1, size + 1];
  return trace(new AdaptedInput(model, { size, normalise: { mean, std } }), given, state);
}

function graphOf(network: Trace, options: OnnxOptions & { opset: number; name: string }): OnnxGraph {
  const { channels, size, opset, preprocess } = options;
  const builder = new GraphBuilder(options.name);
  const names = new Map<Value, string>();
  if (preprocess) {
    const { images } = preprocess;
    const type = images === 'uint8' ? 'uint8' : 'float32';
    const given = builder.input('images', type, ['batch', preprocess.channels, 'height', 'width']);
    names.set(network.input, images === 'uint8' ? fromBytes(builder, given) : given);
  } else {
    names.set(network.input, builder.input('input', 'float32', ['batch', channels, size, size]));
  }
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const { constant, shape } = value;
    if (!constant) throw new Error('a value is taken before it is made');
    const name = builder.constant(constant.name, { type: 'float32', shape, data: constant.data });
    names.set(value, name);
    return name;
  };
  for (const op of network.ops) names.set(op.output, emit(op, builder, nameOf, opset));
  builder.output(nameOf(network.output), 'logits', ['batch', ...network.output.shape.slice(1)]);
  return builder.finish();
}

/** Pixels in 0..1. */
function fromBytes(builder: GraphBuilder, bytes: string): string {
  const float = builder.node('Cast', [bytes], { to: 1 }, 'images');
  return builder.node('Div', [float, builder.floats([255], [])], {}, 'images');
}

function emit(traced: TracedOp, builder: GraphBuilder, nameOf: (value: Value) => string, opset: number): string {
  const { layer, inputs, output, attributes } = traced;
  const call: Call = {
    inputs: inputs.map(nameOf),
    shapes: inputs.map(({ shape }) => shape),
    shape: output.shape,
    opset,
    node: (opType, from, options) => builder.node(opType, from, options, layer),
    floats: (values, shape) => builder.floats(values, shape),
    integers: values => builder.integers(values),
    value: nameOf,
  };
  return exporterOf(traced)(call, attributes);
}
