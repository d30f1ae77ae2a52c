import type { Device } from '../../gpu/device.js';
import { accumulateTotals, crossEntropy } from '../../kernels/index.js';
import { recordProblems, type TuningProblem } from '../../kernels/tuning/index.js';
import { init, type Module } from '../../nn/index.js';
import { backward, defaultGenerator, noGrad, scope, Tensor } from '../../tensor/index.js';

/** Shape of a batch: (N,C,H,W). */
export type BatchShape = readonly [number, number, number, number];

/**
 * What a network's training steps and evaluation compute on batches of this shape, each class of shapes once. `create` makes
 * the network, of which only shapes are looked at; nothing runs, and the generator stays where it is.
 */
export function networkProblems(device: Device, create: () => Module, shape: BatchShape): TuningProblem[] {
  const generator = defaultGenerator();
  const { offset } = generator;
  try {
    return recordProblems(device, () => {
      const model = init.withoutValues(create);
      const batch = () => Tensor.empty(shape, { device });
      scope(() => {
        const labels = Tensor.empty([shape[0]], { device, dtype: 'u32' });
        const logits = model.train().forward(batch());
        const loss = crossEntropy(logits, labels);
        accumulateTotals(Tensor.empty([4], { device }), logits, loss, labels);
        backward(loss);
        for (const parameter of model.parameters()) parameter.grad?.dispose();
      });
      scope(() => noGrad(() => model.eval().forward(batch()).shape));
      model.dispose();
    });
  } finally {
    generator.offset = offset;
    device.pool.trim();
  }
}
