import type { Trace, TracedOp, Value } from './trace.js';

interface Statistics {
  readonly runningMean: Value;
  readonly runningVar: Value;
  readonly eps: number;
}

/**
 * Takes batch normalisations with running statistics into the convolutions and linear layers before them, whose outputs
 * nobody else takes: with s = γ/√(var + ε), the weight of an output channel becomes s·w, its bias s·(b − mean) + β (Jacob
 * et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, eq. 14).
 * Computed in double precision, rounded once. The trace is one of plain operations (`unfuse`).
 */
export function foldBatchNorm({ input, ops, output }: Trace): Trace {
  const takers = new Map<Value, number>();
  const count = (value: Value) => takers.set(value, (takers.get(value) ?? 0) + 1);
  for (const op of ops) op.inputs.forEach(count);
  count(output);
  const makers = new Map(ops.map(op => [op.output, op]));
  const folded = new Map<TracedOp, TracedOp>();
  const gone = new Set<TracedOp>();
  for (const op of ops) {
    if (op.op !== 'batch_norm') continue;
    const before = makers.get(op.inputs[0]!);
    if (!before || (before.op !== 'conv2d' && before.op !== 'linear')) continue;
    // Weights that serve elsewhere too must stay as they are.
    if ([before.output, ...before.inputs.slice(1)].some(value => takers.get(value) !== 1)) continue;
    folded.set(op, fold(before, op));
    gone.add(before);
  }
  return { input, output, ops: ops.filter(op => !gone.has(op)).map(op => folded.get(op) ?? op) };
}

/** `product` and `norm` as one operation. */
function fold(product: TracedOp, norm: TracedOp): TracedOp {
  const [x, weight, bias] = product.inputs;
  const [, gamma, beta] = norm.inputs;
  const { runningMean, runningVar, eps } = norm.attributes as unknown as Statistics;
  const { name, data: w } = weight!.constant!;
  const mean = runningMean.constant!.data;
  const scales = Array.from(runningVar.constant!.data, (v, o) => gamma!.constant!.data[o]! / Math.sqrt(v + eps));
  const each = w.length / scales.length;
  const biasData = scales.map((s, o) => s * ((bias?.constant!.data[o] ?? 0) - mean[o]!) + beta!.constant!.data[o]!);
  const folded: Value[] = [
    { shape: weight!.shape, constant: { name, data: w.map((value, i) => value * scales[Math.floor(i / each)]!) } },
    {
      shape: beta!.shape,
      constant: { name: bias?.constant!.name ?? name.replace(/weight$/, 'bias'), data: Float32Array.from(biasData) },
    },
  ];
  return { ...product, inputs: [x!, ...folded], output: norm.output };
}
