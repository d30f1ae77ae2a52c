import { expect, it } from 'vitest';
import { epochOrder, limitSplit } from '../../../src/data/dataset.js';
import { syntheticDataSet } from '../../../src/data/synthetic/dataset.js';
import { evidenceBoxes } from '../../../src/data/synthetic/evidence.js';
import { explain } from '../../../src/evaluate/explain/explain.js';
import { heatShare } from '../../../src/evaluate/explain/cam.js';
import { crossEntropy, flatten } from '../../../src/kernels/index.js';
import { AdaptiveAvgPool2d, Linear, MaxPool2d, Module, Sequential } from '../../../src/nn/index.js';
import { convBNReLU } from '../../../src/nn/models/conv-bn-relu.js';
import { backward, manualSeed, scope, setDefaultDevice, type Tensor } from '../../../src/tensor/index.js';
import { Batches } from '../../../src/train/batches.js';
import { Adam } from '../../../src/train/optim.js';
import { paths } from '../../devices.js';

/** Images that are explained, and where they stand among the built-in faces: behind 7,000 and 1,000 others. */
const COUNT = 140;
const FIRST = 8000;
const SIZE = 48;
const normalisation = { mean: [0.5], std: [0.25] };

/** Global average pooling right behind maps of a quarter of the image's side, fine enough to part brows from cheeks. */
class Small extends Module {
  readonly features = new Sequential(
    ...[...convBNReLU(1, 16), new MaxPool2d(2, 2), ...convBNReLU(16, 32), new MaxPool2d(2, 2)],
    ...convBNReLU(32, 64),
  );
  readonly gap = new AdaptiveAvgPool2d(1);
  readonly fc = new Linear(64, 7);

  protected compute(x: Tensor): Tensor {
    return this.fc.forward(flatten(this.gap.forward(this.features.forward(x))));
  }
}

it('grad-cam finds where the built-in faces hold their evidence, once the network has learnt', async () => {
  const device = await paths.native();
  setDefaultDevice(device);
  manualSeed(1);
  const data = syntheticDataSet(0, () => undefined);
  const { test } = data.splits;
  const labels = test.labels.subarray(0, COUNT);
  const share = async (model: Module) => {
    const { maps } = await explain(
      device,
      { model, normalisation, augmenter: undefined },
      ...([data, test, Uint32Array.from({ length: COUNT }, (_, i) => i)] as const),
      { method: 'grad-cam', batchSize: 70, classes: labels },
    );
    const shares = Array.from(labels, (label, n) =>
      heatShare(maps.subarray(n * SIZE ** 2, (n + 1) * SIZE ** 2), SIZE, evidenceBoxes(0, FIRST + n, label)),
    );
    return shares.reduce((sum, value) => sum + value, 0) / COUNT;
  };
  const model = new Small();
  const untrained = await share(model);

  const split = limitSplit(data.splits.train, 2100, 0);
  const batches = new Batches(device, data, split, 32, normalisation);
  const optimizer = new Adam(model.parameters(), { lr: 0.004 });
  for (let epoch = 1; epoch <= 4; epoch++) {
    const order = epochOrder(split.count, 0, epoch);
    for (let i = 0; i < batches.count; i++) {
      scope(() => {
        const { x, target } = batches.load(order, i, epoch);
        backward(crossEntropy(model.forward(x), target));
        optimizer.step();
        optimizer.zeroGrad();
      });
      await device.settle(2);
    }
  }
  const trained = await share(model);
  const area = heatShare(new Uint8Array(SIZE ** 2).fill(1), SIZE, evidenceBoxes(0, FIRST, labels[0]!));
  expect(area).toBeLessThan(0.35);
  expect(untrained).toBeLessThan(0.4);
  expect(trained).toBeGreaterThan(0.5);
  optimizer.dispose();
  model.dispose();
});
