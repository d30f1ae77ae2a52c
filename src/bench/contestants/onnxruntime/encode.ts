import { encodeOnnx, GraphBuilder, type OnnxAttribute } from '../../../interop/onnx/index.js';
import { BATCH_NORM_EPS } from '../../expected.js';
import { networks, type NetworkBuilder, type Window } from '../networks.js';
import type { Weights } from '../weights.js';

const OPSET = 17;

/** One of facegrad's networks, for evaluation, as the bytes of an ONNX file with `input` (N,C,H,W) and `logits`. */
export function encodeNetwork(model: string, weights: Weights, input: readonly number[]): Uint8Array {
  const graph = new GraphBuilder(model);
  const builder = new OnnxBuilder(graph, weights);
  const last = networks[model]!(builder, graph.input('input', 'float32', input));
  graph.output(last, 'logits', [input[0]!, 'classes']);
  const producer = { name: 'facegrad bench', version: '' };
  return encodeOnnx({ opset: OPSET, producer, graph: graph.finish(), metadata: {} });
}

/** Values go by the names of the nodes' outputs. */
class OnnxBuilder implements NetworkBuilder<string> {
  constructor(
    private readonly graph: GraphBuilder,
    private readonly weights: Weights,
  ) {}

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
    return this.#node('BatchNormalization', [x, ...parts], { epsilon: { float: BATCH_NORM_EPS } });
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
    return names.map(name => this.graph.constant(name, { type: 'float32', ...this.weights.get(name) }));
  }

  #node(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.graph.node(opType, inputs, attributes);
  }
}
