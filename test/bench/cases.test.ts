import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases, leftOut } from '../../src/bench/cases/index.js';
import { networkShapes } from '../../src/bench/cases/shapes.js';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/node.js';
import { init, modelRegistry } from '../../src/nn/index.js';
import { observe, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';

// Shapes only: Dawn's null backend runs nothing.
let device: Device;
beforeAll(async () => {
  device = await openDevice({ backend: 'null' });
});
afterAll(() => {
  device.destroy();
  setDefaultDevice(undefined);
});

describe('cases', () => {
  it('have names of their own', () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^(kernel|train|infer|start)\/[a-z0-9-]+$/i);
  });

  it('leave out on a processor what takes it minutes, and nothing but repetitions on a GPU', () => {
    const large = cases.find(({ name }) => name === 'kernel/matmul-4096')!;
    expect(leftOut(large, true)).toBe('too large for a processor');
    expect(leftOut(large, false)).toBeUndefined();
    const usual = cases.find(({ name }) => name === 'kernel/conv2d-forward-64x64-3x3-24-b32')!;
    expect(leftOut(usual, true)).toBeUndefined();
    for (const bench of cases) expect(leftOut(bench, false)).toBe(bench.extra ? 'one of many shapes' : undefined);
  });

  it.each(networkShapes)('list the convolutions of $model at $input', ({ model, input, shapes }) => {
    setDefaultDevice(device);
    const { create, channels } = modelRegistry[model]!;
    const found = new Set<string>();
    scope(() => {
      const network = init.withoutValues(() => create({ size: input }));
      const x = Tensor.empty([2, channels, input, input]);
      observe(
        (op, inputs, output) => {
          if (op !== 'conv2d') return;
          const [, c, size] = inputs[0]!.shape as [number, number, number];
          const [o, inner, kernel] = inputs[1]!.shape as [number, number, number];
          const stride = Math.round(size / output.shape[2]!);
          found.add(JSON.stringify({ c, o, kernel, size, stride, depthwise: inner < c }));
        },
        () => network.forward(x),
      );
      network.dispose();
    });
    const listed = shapes.map(({ c, o, kernel, size, stride, depthwise }) =>
      JSON.stringify({ c, o, kernel, size, stride, depthwise }),
    );
    expect([...listed].sort()).toEqual([...found].sort());
  });
});
