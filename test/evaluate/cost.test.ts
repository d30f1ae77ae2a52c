import { describe, expect, it } from 'vitest';
import { costOf, measureSpeed, secondsPerEpoch } from '../../src/evaluate/cost.js';
import { encodeSafeTensors } from '../../src/interop/safetensors.js';
import { modelRegistry } from '../../src/nn/index.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

describe('costOf', () => {
  it('counts a network as it is built for the data', async () => {
    setDefaultDevice(await paths.native());
    const cost = costOf({ model: 'simple-cnn', inputSize: 16 }, { classes: 3, channels: 3 });
    const macs = 16 ** 2 * 16 * 27 + 8 ** 2 * 32 * 16 * 9 + 4 ** 2 * 64 * 32 * 9 + 256 * 128 + 128 * 3;
    expect(cost).toMatchObject({ model: 'simple-cnn', input: [3, 16, 16], classes: 3, macs });
    // A network for colour stays one.
    expect(costOf({ model: 'resnet18', inputSize: 32 }, { channels: 1 }).input).toEqual([3, 32, 32]);
  });

  it('tells the size of a file of its weights to the byte', async () => {
    setDefaultDevice(await paths.native());
    const { create, size } = modelRegistry['mini-resnet']!;
    const network = create({ classes: 7 });
    const file = encodeSafeTensors({ tensors: new Map(await network.stateDict()), metadata: {} });
    const cost = costOf({ model: 'mini-resnet' });
    expect(cost.checkpointBytes).toBe(file.length);
    expect(cost).toMatchObject({ input: [1, size, size], parameters: 696_743, macs: 60_236_672 });
    network.dispose();
  });

  it('refuses what is no model', () => {
    expect(() => costOf({ model: 'none' })).toThrow("unknown model 'none'");
  });
});

it('measures training and inference', async () => {
  const device = await paths.native();
  setDefaultDevice(device);
  const timed: string[] = [];
  const speed = await measureSpeed(device, {
    ...{ model: 'simple-mlp', inputSize: 8, classes: 3, batchSize: 4, seconds: 0.05 },
    onProgress: mode => timed.push(mode),
  });
  expect(timed).toEqual(['train', 'infer']);
  expect(speed.batchSize).toBe(4);
  expect(speed.training).toBeGreaterThan(0);
  expect(speed.inference).toBeGreaterThan(0);
});

it('an epoch trains on the training images and validates on the others', () => {
  const speed = { adapter: 'a', batchSize: 64, training: 100, inference: 400 };
  expect(secondsPerEpoch(speed, { train: 1000, val: 200 })).toBe(10.5);
});
