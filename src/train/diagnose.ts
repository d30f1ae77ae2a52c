import type { Module } from '../nn/index.js';
import { formatShape, noGrad, observe, scope, Tensor } from '../tensor/index.js';

/**
 * The first tensor with a value that is not finite, in words: parameters in order, in an evaluation buffers such as running
 * statistics, then what the operations of `forward` put out, in order. Slow: every tensor is read back. undefined where all are finite.
 */
export async function firstBadTensor(
  model: Module,
  input: () => Tensor,
  forward: (x: Tensor) => Tensor,
): Promise<string | undefined> {
  const parameters = model.namedParameters();
  for (const [name, parameter] of parameters) {
    if (await isBad(parameter)) return `parameter ${name} ${formatShape(parameter.shape)}`;
  }
  // In training they come of what is forwarded, and do not go into it.
  for (const [name, buffer] of model.training ? [] : model.namedBuffers()) {
    if (buffer instanceof Tensor && (await isBad(buffer))) return `buffer ${name} ${formatShape(buffer.shape)}`;
  }
  const nameOf = new Map([...parameters].map(([name, parameter]): [Tensor, string] => [parameter, name]));
  const outputs: { what: string; tensor: Tensor }[] = [];
  scope(() => {
    const x = input().keep();
    outputs.push({ what: 'the input', tensor: x });
    observe(
      (op, inputs, output) => {
        const layer = inputs.map(tensor => nameOf.get(tensor)).find(name => name !== undefined);
        const at = layer === undefined ? '' : ` with ${layer}`;
        outputs.push({ what: `the output of ${op}${at}`, tensor: output.keep() });
      },
      () => forward(x),
    );
  });
  try {
    for (const { what, tensor } of outputs) {
      if (await isBad(tensor)) return `${what} ${formatShape(tensor.shape)}`;
    }
    return undefined;
  } finally {
    for (const { tensor } of outputs) tensor.dispose();
  }
}

/** Likewise in the first batch of an evaluation whose logits are not finite. */
export async function firstBadTensorOf(
  model: Module,
  batches: number,
  input: (index: number) => Tensor,
): Promise<string | undefined> {
  const forward = (x: Tensor) => noGrad(() => model.forward(x));
  model.eval();
  try {
    for (let index = 0; index < batches; index++) {
      const logits = scope(() => forward(input(index)).keep());
      try {
        if (await isBad(logits)) return await firstBadTensor(model, () => input(index), forward);
      } finally {
        logits.dispose();
      }
    }
    return undefined;
  } finally {
    model.train();
  }
}

async function isBad(tensor: Tensor): Promise<boolean> {
  return (await tensor.read()).some(value => !Number.isFinite(value));
}
