import type { OnnxAttribute } from '../../interop/onnx/index.js';
import type { OpAttributes } from '../../tensor/index.js';
import type { TracedOp, Value } from '../trace.js';

/** One operation that is to become nodes of an ONNX graph. Strings are names of the graph's values. */
export interface Call {
  readonly inputs: readonly string[];
  /** Of the inputs; the first size is that of the batch, 1 while a network is traced. */
  readonly shapes: readonly (readonly number[])[];
  /** Of the output. */
  readonly shape: readonly number[];
  readonly opset: number;
  /** Adds a node, and gives the name of its output. */
  readonly node: (
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ) => string;
  /** Constants. */
  readonly floats: (values: readonly number[], shape: readonly number[]) => string;
  readonly integers: (values: readonly number[]) => string;
  readonly value: (constant: Value) => string;
}

/** Makes nodes of an operation, and gives the name of what it puts out. */
type Exporter<Attributes = never> = (call: Call, attributes: Attributes) => string;

type Pair = readonly [number, number];

interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

const plain =
  (opType: string, attributes?: Readonly<Record<string, OnnxAttribute>>): Exporter =>
  ({ node, inputs }) =>
    node(opType, inputs, attributes);

const windowOf = ({ kernel, stride, padding }: Window) => ({
  ...{ kernel_shape: [...kernel], strides: [...stride], pads: [...padding, ...padding] },
});

/** From opset 18 on ReduceMean takes axes as an input; ReduceSum has since 13. */
const reduction =
  (opType: 'ReduceMean' | 'ReduceSum'): Exporter<{ axes: number[]; keepdim: boolean }> =>
  ({ node, inputs, shapes, opset, integers }, { axes, keepdim }) => {
    const pixels = shapes[0]!.length === 4 && axes.join() === '2,3' && keepdim;
    if (pixels && opType === 'ReduceMean') return node('GlobalAveragePool', inputs);
    if (opType === 'ReduceMean' && opset < 18) return node(opType, inputs, { axes, keepdims: Number(keepdim) });
    return node(opType, [...inputs, integers(axes)], { keepdims: Number(keepdim) });
  };

/** Row `o` holds what output `o` of an adaptive pool takes of each of `size` inputs. */
function poolingMatrix(size: number, outputs: number): number[] {
  return Array.from({ length: outputs }, (_, o) => {
    const start = Math.floor((o * size) / outputs);
    const end = Math.ceil(((o + 1) * size) / outputs);
    return Array.from({ length: size }, (_, i) => (i >= start && i < end ? 1 / (end - start) : 0));
  }).flat();
}

function transposed(values: readonly number[], rows: number): number[] {
  const columns = values.length / rows;
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** What ONNX has for each plain operation (`unfuse`), by the name that the tape knows it by. */
export const exporters = {
  conv2d: ({ node, inputs, shapes }, { stride, padding, dilation, groups }) => {
    const [, , ...kernel] = shapes[1]!;
    const window = windowOf({ kernel: kernel as unknown as Pair, stride, padding });
    return node('Conv', inputs, { ...window, dilations: [...dilation], group: groups });
  },
  linear: plain('Gemm', { transB: 1 }),
  matmul: plain('MatMul'),
  batch_norm: ({ node, inputs, value }, { runningMean, runningVar, eps }) =>
    node('BatchNormalization', [...inputs, value(runningMean), value(runningVar)], { epsilon: { float: eps } }),
  max_pool2d: ({ node, inputs }, window) => node('MaxPool', inputs, windowOf(window)),
  avg_pool2d: ({ node, inputs }, { countIncludePad, ...window }) =>
    node('AveragePool', inputs, { ...windowOf(window), count_include_pad: Number(countIncludePad) }),
  // Bins of different sizes: y = H·x·Wᵀ, with a row of weights for each bin.
  adaptive_avg_pool2d: ({ node, inputs, shapes, shape, floats }) => {
    const [h, w] = shapes[0]!.slice(2) as unknown as Pair;
    const [oh, ow] = shape.slice(2) as unknown as Pair;
    const across = node('MatMul', [inputs[0]!, floats(transposed(poolingMatrix(w, ow), ow), [w, ow])]);
    return node('MatMul', [floats(poolingMatrix(h, oh), [oh, h]), across]);
  },
  mean: reduction('ReduceMean'),
  sum: reduction('ReduceSum'),
  concat: ({ node, inputs }, { axis }) => node('Concat', inputs, { axis }),
  narrow: ({ node, inputs, shape, integers }, { axis, start }) => {
    if (axis === 0) throw new Error('narrow along the batch cannot be exported: the batch has any size');
    return node('Slice', [inputs[0]!, integers([start]), integers([start + shape[axis]!]), integers([axis])]);
  },
  // (N,groups,size,pixels) to (N,size,groups,pixels); a 0 keeps the size of the batch.
  channel_shuffle: ({ node, inputs, shape, integers }, { groups }) => {
    const [, c, ...pixels] = shape;
    const split = node('Reshape', [inputs[0]!, integers([0, groups, c! / groups, -1])]);
    const dealt = node('Transpose', [split], { perm: [0, 2, 1, 3] });
    return node('Reshape', [dealt, integers([0, c!, ...pixels])]);
  },
  // Sizes as a whole, since batch, height and width may differ from call to call.
  interpolate_bilinear: ({ node, inputs, shape, integers }) => {
    const batch = node('Shape', inputs, { start: 0, end: 2 });
    const sizes = node('Concat', [batch, integers(shape.slice(2))], { axis: 0 });
    const mode = { mode: 'linear', coordinate_transformation_mode: 'half_pixel' };
    return node('Resize', [inputs[0]!, '', '', sizes], mode);
  },
  // The broadcast repeats a grey image.
  normalise_channels: ({ node, inputs, floats }, { mean, std }) => {
    const channels = [1, mean.length, 1, 1];
    return node('Div', [node('Sub', [inputs[0]!, floats(mean, channels)]), floats(std, channels)]);
  },
  flatten: plain('Flatten', { axis: 1 }),
  softmax: plain('Softmax', { axis: 1 }),
  log_softmax: plain('LogSoftmax', { axis: 1 }),
  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: plain('Div'),
  scale: ({ node, inputs, floats }, { factor }) => node('Mul', [inputs[0]!, floats([factor], [])]),
  neg: plain('Neg'),
  exp: plain('Exp'),
  log: plain('Log'),
  sqrt: plain('Sqrt'),
  abs: plain('Abs'),
  square: ({ node, inputs: [x] }) => node('Mul', [x!, x!]),
  relu: plain('Relu'),
  relu6: ({ node, inputs, floats }) => node('Clip', [...inputs, floats([0], []), floats([6], [])]),
  silu: ({ node, inputs }) => node('Mul', [...inputs, node('Sigmoid', inputs)]),
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  hardswish: plain('HardSwish'),
  // x·Φ(x) = x/2·(1 + erf(x/√2)); an operator of its own from opset 20 on.
  gelu: ({ node, inputs, floats }) => {
    const erf = node('Erf', [node('Mul', [...inputs, floats([Math.SQRT1_2], [])])]);
    return node('Mul', [node('Mul', [...inputs, floats([0.5], [])]), node('Add', [erf, floats([1], [])])]);
  },
  leaky_relu: plain('LeakyRelu', { alpha: { float: 0.01 } }),
} satisfies {
  readonly conv2d: Exporter<{ stride: Pair; padding: Pair; dilation: Pair; groups: number }>;
  readonly batch_norm: Exporter<{ runningMean: Value; runningVar: Value; eps: number }>;
  readonly max_pool2d: Exporter<Window>;
  readonly avg_pool2d: Exporter<Window & { countIncludePad: boolean }>;
  readonly concat: Exporter<{ axis: number }>;
  readonly narrow: Exporter<{ axis: number; start: number }>;
  readonly channel_shuffle: Exporter<{ groups: number }>;
  readonly normalise_channels: Exporter<{ mean: number[]; std: number[] }>;
  readonly scale: Exporter<{ factor: number }>;
} & Readonly<Record<string, Exporter>>;

/**
 * What makes nodes of an operation.
 * @throws Error where ONNX export does not know it
 */
export function exporterOf({ op, layer }: TracedOp): Exporter<OpAttributes> {
  const exporter = (exporters as Readonly<Record<string, Exporter>>)[op];
  if (exporter) return exporter as Exporter<OpAttributes>;
  const where = layer === '' ? op : `${op} in ${layer}`;
  throw new Error(`${where} cannot be exported: ${notExported[op] ?? 'src/export/onnx/ops.ts does not know it'}`);
}

/** Operations without an exporter, and why. */
export const notExported: Readonly<Record<string, string>> = {
  dropout: 'it works in training only',
  stochastic_depth: 'it works in training only',
  cross_entropy: 'a loss is no part of a network that is used',
};
