import { toFloat32, type HostTensor } from '../interop/safetensors.js';
import { runningModule, type Module } from '../nn/module.js';
import { noGrad, observe, scope, Tensor, type OpAttributes } from '../tensor/index.js';

/** A tensor of a network: its input, what an operation puts out, or one that has the same values for every input. */
export interface Value {
  readonly shape: readonly number[];
  /** Name in the state dict, and values in PyTorch's order. */
  readonly constant?: { readonly name: string; readonly data: Float32Array };
}

/** One operation of a network. */
export interface TracedOp {
  /** As the tape knows it: `conv2d`, `add`, `relu`. */
  readonly op: string;
  /** Dotted name of the layer whose work it is; '' for the network itself. */
  readonly layer: string;
  readonly inputs: readonly Value[];
  readonly output: Value;
  /** What the operation was called with; values stand for tensors. */
  readonly attributes: OpAttributes;
}

/** A network as a list of operations, each after those whose outputs it takes. */
export interface Trace {
  readonly input: Value;
  readonly ops: readonly TracedOp[];
  readonly output: Value;
}

/**
 * Writes down what `model` does in evaluation mode, by letting a batch of zeros of shape `input` pass: what it computes is
 * not looked at, so that a device of Dawn's null backend will do. Values come from `state`, not from the device.
 * @throws Error where an operation takes a tensor that is neither the input's, nor an operation's, nor in the state dict
 */
export function trace(model: Module, input: readonly number[], state: ReadonlyMap<string, HostTensor>): Trace {
  const layers = new Map([...model.namedModules()].map(([name, module]) => [module, name]));
  const values = new Map<Tensor, Value>();
  for (const [name, tensor] of [...model.namedParameters(), ...model.namedBuffers()]) {
    const entry = state.get(name);
    if ('count' in tensor) continue;
    if (!entry) throw new Error(`the state dict has no ${name}`);
    values.set(tensor, { shape: tensor.shape, constant: { name, data: toFloat32(entry) } });
  }
  const ops: TracedOp[] = [];
  const valueOf = (tensor: Tensor, what: string): Value => {
    const value = values.get(tensor);
    if (!value) throw new Error(`${what} takes a tensor that no operation made and that no layer keeps`);
    return value;
  };
  const training = model.training;
  model.eval();
  try {
    return scope(() => {
      const x = Tensor.zeros(input);
      const start: Value = { shape: input };
      values.set(x, start);
      const look = (op: string, inputs: readonly Tensor[], output: Tensor, attributes: OpAttributes) => {
        const value: Value = { shape: output.shape };
        const named = Object.entries(attributes).map(([name, attribute]) => [
          name,
          attribute instanceof Tensor ? valueOf(attribute, op) : attribute,
        ]);
        ops.push({
          ...{ op, layer: layers.get(runningModule()!) ?? '', output: value },
          inputs: inputs.map(tensor => valueOf(tensor, op)),
          attributes: Object.fromEntries(named) as OpAttributes,
        });
        values.set(output, value);
      };
      const y = observe(look, () => noGrad(() => model.forward(x)));
      const output = valueOf(y, "the network's end");
      return { input: start, ops: needed(ops, output), output };
    });
  } finally {
    model.train(training);
  }
}

/** The operations on which `output` rests. */
function needed(ops: readonly TracedOp[], output: Value): TracedOp[] {
  const wanted = new Set([output]);
  return ops
    .toReversed()
    .filter(({ output: made, inputs }) => {
      if (!wanted.has(made)) return false;
      for (const input of inputs) wanted.add(input);
      return true;
    })
    .reverse();
}
