import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareNetwork } from '../../src/bench/contestants/facegrad/networks.js';
import { networks, type NetworkBuilder } from '../../src/bench/contestants/networks.js';
import { Weights } from '../../src/bench/contestants/weights.js';
import type { Device } from '../../src/gpu/device.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await paths.native();
  setDefaultDevice(device);
  folder = await mkdtemp(join(tmpdir(), 'facegrad-bench-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Counts the parameters that a peer's network takes: what is computed does not matter. */
function counter(weights: Weights): { builder: NetworkBuilder<string>; count: () => number } {
  let parameters = 0;
  const take = (x: string, name: string) => {
    for (const part of ['weight', 'bias']) parameters += weights.find(`${name}.${part}`)?.data.length ?? 0;
    return x;
  };
  const pass = (x: string) => x;
  const builder: NetworkBuilder<string> = {
    ...{ conv: take, depthwise: take, linear: take },
    batchNorm: (x, name) => {
      for (const part of ['running_mean', 'running_var']) weights.get(`${name}.${part}`);
      return take(x, name);
    },
    ...{ relu: pass, silu: pass, sigmoid: pass, maxPool: pass, globalAvgPool: pass, flatten: pass },
    ...{ add: pass, scale: pass, dropout: pass, stochasticDepth: pass },
  };
  return { builder, count: () => parameters };
}

describe("the peers' networks", () => {
  it.each([
    ['simple-cnn', 48, 319_239],
    ['mini-resnet', 48, 696_743],
    ['efficientnet-b0', 32, 4_016_515],
  ])('%s takes every weight that facegrad writes', async (model, size, parameters) => {
    const file = join(folder, `${model}.safetensors`);
    const { results, dispose } = await prepareNetwork(device, { kind: 'infer', model, size, batch: 1 }, file);
    expect(results.logits).toHaveLength(7);
    dispose();
    const weights = await Weights.read(file);
    const { builder, count } = counter(weights);
    networks[model]!(builder, 'x');
    weights.requireAllUsed();
    expect(count()).toBe(parameters);
  });

  it('a training step gives the losses before and after, and the loss falls', async () => {
    const work = { kind: 'train', model: 'simple-cnn', size: 16, batch: 8 } as const;
    const { results, launch, finish, dispose } = await prepareNetwork(device, work, join(folder, 'small.safetensors'));
    expect(results.loss![0]).toBeGreaterThan(results['loss after a step']![0]!);
    await launch();
    await finish();
    dispose();
  });

  it('a network that leaves weights out is noticed', () => {
    const weights = new Weights(new Map([['fc.weight', { shape: [1], data: Float32Array.of(1) }]]));
    expect(() => {
      weights.requireAllUsed();
    }).toThrow("the peer's network lacks fc.weight");
    expect(() => weights.get('fc.bias')).toThrow('the network has no weight fc.bias');
  });
});
