import { accumulateTotals, crossEntropy, normaliseImages } from '../src/kernels/index.js';
import { modelRegistry } from '../src/nn/index.js';
import { backward, defaultDevice, manualSeed, noGrad, scope, Tensor } from '../src/tensor/index.js';
import { Adam } from '../src/train/optim.js';
import type { Bench } from './measure.js';

const STEPS = 4;

/** A training step's or a forward pass's images a second, from bytes on the host to updated parameters or logits. */
function network(kind: 'train' | 'infer', model: string, batch: number): Bench {
  const name = `${kind}/${model}${kind === 'infer' ? `-b${batch}` : ''}`;
  return {
    name,
    work: STEPS * batch,
    unit: 'images/s',
    prepare: async () => {
      manualSeed(1);
      const device = defaultDevice();
      const { create, channels, size } = modelRegistry[model]!;
      const network = create();
      const optimizer = new Adam(network.parameters());
      const totals = Tensor.zeros([4]).keep();
      const bytes = Uint8Array.from({ length: batch * channels * size * size }, (_, i) => (i * 97) % 251);
      const classes = Uint32Array.from({ length: batch }, (_, i) => i % 7);
      const load = () => normaliseImages(bytes, [batch, channels, size, size], [0.5], [0.25]);
      const step = () => {
        const labels = Tensor.from(classes, [batch], { dtype: 'u32' });
        const logits = network.forward(load());
        const loss = crossEntropy(logits, labels);
        accumulateTotals(totals, logits, loss, labels);
        backward(loss);
        optimizer.step(totals.slice);
        optimizer.zeroGrad();
      };
      if (kind === 'infer') network.eval();
      const run = async () => {
        for (let i = 0; i < STEPS; i++) {
          scope(kind === 'train' ? step : () => noGrad(() => network.forward(load()).shape));
          await device.settle(2);
        }
        await device.settle();
      };
      await run();
      if (kind === 'train') {
        const [loss, , images, bad] = await totals.data();
        // Fixed labels on fixed images: the first steps must already be below chance.
        if (bad !== 0 || !(loss! / images! < 2.5)) throw new Error(`${name} does not learn: loss ${loss! / images!}`);
      }
      const dispose = () => {
        totals.dispose();
        optimizer.dispose();
        network.dispose();
      };
      return { run, dispose };
    },
  };
}

export const trainingBenches: readonly Bench[] = [
  ...['simple-mlp', 'improved-mlp', 'simple-cnn'].map(model => network('train', model, 64)),
  network('infer', 'simple-cnn', 1),
  network('infer', 'simple-cnn', 64),
];
