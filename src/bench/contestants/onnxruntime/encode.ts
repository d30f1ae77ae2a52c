import { BATCH_NORM_EPS } from '../../expected.js';
import { networks, type NetworkBuilder, type Window } from '../networks.js';
import { loadPeer } from '../peers.js';
import type { Weight, Weights } from '../weights.js';
import { SCHEMA } from './schema.js';

/** What is used of protobufjs 8. */
interface ProtobufJs {
  parse(schema: string): { root: { lookupType(name: string): MessageType } };
}

interface MessageType {
  verify(message: object): string | null;
  encode(message: object): { finish(): Uint8Array };
}

const OPSET = 13;
const IR_VERSION = 7;
/** Numbers of ONNX's own enumerations. */
const FLOAT = 1;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

interface Node {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly object[];
}

/** One of facegrad's networks, for evaluation, as the bytes of an ONNX file with `input` (N,C,H,W) and `logits`. */
export function encodeNetwork(model: string, weights: Weights, input: readonly number[]): Uint8Array {
  const builder = new OnnxBuilder(weights);
  const last = networks[model]!(builder, 'input');
  const classes = [...builder.initializers.values()].at(-1)!.shape[0]!;
  const tensorType = (shape: readonly number[]) => ({
    tensorType: { elemType: FLOAT, shape: { dim: shape.map(dimValue => ({ dimValue })) } },
  });
  const message = {
    irVersion: IR_VERSION,
    producerName: 'facegrad bench',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: model,
      node: [...builder.nodes, { opType: 'Identity', input: [last], output: ['logits'], attribute: [] }],
      initializer: [...builder.initializers].map(([name, { shape, data }]) => ({
        ...{ name, dims: shape, dataType: FLOAT },
        rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      })),
      input: [{ name: 'input', type: tensorType(input) }],
      output: [{ name: 'logits', type: tensorType([input[0]!, classes]) }],
    },
  };
  const type = (loadPeer('protobufjs') as ProtobufJs).parse(SCHEMA).root.lookupType('onnx.ModelProto');
  const fault = type.verify(message);
  if (fault !== null) throw new Error(`the ONNX model is not one: ${fault}`);
  return type.encode(message).finish();
}

/** Values go by the names of the nodes' outputs. */
class OnnxBuilder implements NetworkBuilder<string> {
  readonly nodes: Node[] = [];
  readonly initializers = new Map<string, Weight>();

  constructor(private readonly weights: Weights) {}

  conv(x: string, name: string, window: Window = {}, group = 1): string {
    const kernel = this.weights.get(`${name}.weight`).shape[2]!;
    const attributes = { ...this.#window(kernel, window), group };
    return this.#node('Conv', [x, ...this.#parts(name, ['weight'], ['bias'])], attributes);
  }

  depthwise(x: string, name: string, window: Window = {}): string {
    return this.conv(x, name, window, this.weights.get(`${name}.weight`).shape[0]);
  }

  batchNorm(x: string, name: string): string {
    const parts = this.#parts(name, ['weight', 'bias', 'running_mean', 'running_var']);
    return this.#node('BatchNormalization', [x, ...parts], {}, { epsilon: BATCH_NORM_EPS });
  }

  linear(x: string, name: string): string {
    return this.#node('Gemm', [x, ...this.#parts(name, ['weight', 'bias'])], { transB: 1 });
  }

  relu(x: string): string {
    return this.#node('Relu', [x]);
  }

  silu(x: string): string {
    return this.#node('Mul', [x, this.sigmoid(x)]);
  }

  sigmoid(x: string): string {
    return this.#node('Sigmoid', [x]);
  }

  maxPool(x: string, kernel: number, window: Window = {}): string {
    return this.#node('MaxPool', [x], this.#window(kernel, { ...window, stride: window.stride ?? kernel }));
  }

  globalAvgPool(x: string): string {
    return this.#node('GlobalAveragePool', [x]);
  }

  flatten(x: string): string {
    return this.#node('Flatten', [x]);
  }

  add(a: string, b: string): string {
    return this.#node('Add', [a, b]);
  }

  scale(x: string, gate: string): string {
    return this.#node('Mul', [x, gate]);
  }

  dropout(x: string): string {
    return x;
  }

  stochasticDepth(x: string): string {
    return x;
  }

  #window(kernel: number, { stride = 1, padding = 0 }: Window): Record<string, number[]> {
    return {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    };
  }

  /** Makes a layer's weights initialisers of the graph, and gives their names. */
  #parts(layer: string, parts: readonly string[], optional: readonly string[] = []): string[] {
    const names = parts.map(part => `${layer}.${part}`);
    names.push(...optional.map(part => `${layer}.${part}`).filter(name => this.weights.find(name)));
    for (const name of names) this.initializers.set(name, this.weights.get(name));
    return names;
  }

  #node(
    opType: string,
    input: readonly string[],
    whole: Readonly<Record<string, number | readonly number[]>> = {},
    real: Readonly<Record<string, number>> = {},
  ): string {
    const output = `${opType}_${this.nodes.length}`;
    const attribute = [
      ...Object.entries(whole).map(([name, value]) =>
        typeof value === 'number'
          ? { name, type: ATTRIBUTE.int, i: value }
          : { name, type: ATTRIBUTE.ints, ints: value },
      ),
      ...Object.entries(real).map(([name, f]) => ({ name, type: ATTRIBUTE.float, f })),
    ];
    this.nodes.push({ opType, input, output: [output], attribute });
    return output;
  }
}
