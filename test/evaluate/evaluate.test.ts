import { expect, it } from 'vitest';
import type { DataSet, Split } from '../../src/data/dataset.js';
import { evaluate } from '../../src/evaluate/evaluate.js';
import { modelRegistry } from '../../src/nn/index.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

const split: Split = { count: 3, images: new Uint8Array(3 * 48 * 48).fill(9), labels: Uint8Array.of(0, 1, 2) };
const data: DataSet = {
  ...{ name: 'grey', classes: ['a', 'b', 'c'], channels: 1, height: 48, width: 48, fingerprint: 'grey' },
  splits: { train: split, val: split, test: split },
};
const options = { mean: [0.5], std: [0.5], batchSize: 2 };

it('evaluate leaves the model in the mode in which it was', async () => {
  const device = await paths.native();
  setDefaultDevice(device);
  const model = modelRegistry['simple-mlp']!.create({ classes: 3 });
  for (const training of [false, true]) {
    model.train(training);
    await evaluate(device, model, data, split, options);
    expect(model.training).toBe(training);
  }
  model.dispose();
});

it('evaluate refuses a model of another number of classes', async () => {
  const device = await paths.native();
  setDefaultDevice(device);
  const model = modelRegistry['simple-mlp']!.create({ classes: 7 });
  await expect(evaluate(device, model, data, split, options)).rejects.toThrow('(2, 7)');
  expect(model.training).toBe(true);
  model.dispose();
});
