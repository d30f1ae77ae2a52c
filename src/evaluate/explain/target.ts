import type { Module } from '../../nn/index.js';
import { noGrad, scope, Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';

/** Maps (N,H,W), classes (N) and logits (N,K) of one batch. */
export interface ExplainedBatch {
  maps: Float32Array;
  classes: Uint8Array;
  logits: Float32Array;
}

/** The logits of each image, and the class that is explained: the one that is asked for, else that of the highest logit. */
export async function explained(
  model: Module,
  x: Tensor,
  given: Uint8Array | undefined,
): Promise<Omit<ExplainedBatch, 'maps'>> {
  const logits = scope(() => noGrad(() => model.forward(x)).keep());
  const values = await logits.data();
  logits.dispose();
  const [count = 0, k = 0] = logits.shape;
  const classes = Uint8Array.from({ length: count }, (_, n) => {
    const row = values.subarray(n * k, (n + 1) * k);
    return given?.[n] ?? row.reduce((best, value, i) => (value > row[best]! ? i : best), 0);
  });
  const wrong = classes.find(which => which >= k);
  if (wrong !== undefined)
    throw new UserError(`class ${wrong} cannot be explained: the model tells ${k} classes apart`);
  return { classes, logits: values };
}

/** The gradient of Σ_n logits[n][classes[n]]. */
export function oneHot(classes: Uint8Array, { shape, device }: Tensor): Tensor {
  const [count = 0, k = 0] = shape;
  const values = new Float32Array(count * k);
  classes.forEach((which, n) => {
    values[n * k + which] = 1;
  });
  return Tensor.from(values, shape, { device });
}
