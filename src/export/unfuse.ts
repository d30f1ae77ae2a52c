import type { Trace, TracedOp, Value } from './trace.js';

/**
 * Cuts operations that end in a sum and an activation into those three, so that whoever reads a trace knows plain
 * operations only: activation(batch_norm(x) + residual) becomes batch_norm, add and the activation.
 */
export function unfuse({ input, ops, output }: Trace): Trace {
  return { input, output, ops: ops.flatMap(partsOf) };
}

function partsOf(fused: TracedOp): TracedOp[] {
  const { op, layer, inputs, output, attributes } = fused;
  const { activation, ...own } = attributes;
  const residual = op === 'batch_norm' ? inputs[3] : undefined;
  const rest: { readonly op: string; readonly besides: readonly Value[] }[] = [];
  if (residual) rest.push({ op: 'add', besides: [residual] });
  if (typeof activation === 'string') rest.push({ op: activation, besides: [] });
  if (rest.length === 0) return [{ ...fused, attributes: own }];
  const between = rest.map((): Value => ({ shape: output.shape }));
  const first = { op, layer, inputs: residual ? inputs.slice(0, 3) : inputs, output: between[0]!, attributes: own };
  const following = rest.map((step, i) => ({
    ...{ op: step.op, layer, inputs: [between[i]!, ...step.besides], output: between[i + 1] ?? output, attributes: {} },
  }));
  return [first, ...following];
}
