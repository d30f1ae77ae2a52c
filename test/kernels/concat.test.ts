import { describe, expect, it } from 'vitest';
import { channelShuffle, chunk, concat, narrow, split } from '../../src/kernels/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

describe.each(pathNames)('concatenation and parts on the %s path', path => {
  const shapes: [number, Record<string, number[]>][] = [
    [1, { a: [2, 3, 4, 4], b: [2, 5, 4, 4] }],
    [1, { a: [2, 8, 3, 5], b: [2, 4, 3, 5] }],
    [1, { a: [3, 58, 4, 4], b: [3, 58, 4, 4] }],
    [1, { a: [1, 1, 2, 2], b: [1, 2, 2, 2], c: [1, 4, 2, 2], d: [1, 3, 2, 2] }],
    [0, { a: [2, 3, 4, 5], b: [1, 3, 4, 5] }],
    [2, { a: [2, 3, 4, 5], b: [2, 3, 1, 5] }],
    [-1, { a: [2, 3, 4, 5], b: [2, 3, 4, 2] }],
    [1, { a: [5, 7], b: [5, 2] }],
    [0, { a: [5], b: [3] }],
    [1, { a: [2, 3, 4], b: [2, 2, 4] }],
    [1, { a: [2, 6, 3, 3] }],
  ];
  it.each(shapes)('concat along %i of %j', async (axis, inputs) => {
    await checkOp(path, 'concat', inputs, { axis }, { rtol: 0, atol: 0 });
  });

  it.each([
    [[2, 8, 3, 5], 1, 4, 4],
    [[2, 116, 4, 4], 1, 58, 58],
    [[2, 7, 3, 3], 1, 2, 3],
    [[2, 3, 6, 5], 2, 1, 4],
    [[2, 3, 6, 5], -1, 4, 1],
    [[6, 4], 0, 5, 1],
    [[3, 5], 1, 0, 5],
  ])('narrow of %j along %i from %i by %i', async (shape, axis, start, length) => {
    await checkOp(path, 'narrow', { input: shape }, { axis, start, length }, { rtol: 0, atol: 0 });
  });

  it('split and chunk give the parts that concat joins, and one gradient', async () => {
    setDefaultDevice(await paths[path]());
    const values = Array.from({ length: 2 * 7 * 6 }, (_, i) => i);
    const x = Tensor.from(values, [2, 7, 2, 3], { requiresGrad: true });
    const parts = split(x, [2, 4, 1]);
    expect(parts.map(part => part.shape[1])).toEqual([2, 4, 1]);
    const y = concat(parts);
    expect([...(await y.data())]).toEqual(values);
    backward(y, Tensor.from(values, y.shape));
    expect([...(await x.grad!.data())]).toEqual(values);
    expect(chunk(x, 3).map(part => part.shape[1])).toEqual([3, 3, 1]);
    expect(chunk(x, 4).map(part => part.shape[1])).toEqual([2, 2, 2, 1]);
    expect(chunk(x, 5).map(part => part.shape[1])).toEqual([2, 2, 2, 1]); // as torch.chunk: as many as there are
  });

  it.each([
    [[2, 8, 3, 3], 2],
    [[2, 8, 3, 3], 4],
    [[2, 116, 5, 5], 2],
    [[1, 6, 4, 3], 3],
    [[2, 6, 1, 1], 2],
    [[2, 12, 2, 2], 1],
    [[2, 12, 2, 2], 12],
  ])('channel shuffle of %j in %i groups', async (shape, groups) => {
    await checkOp(path, 'channel_shuffle', { input: shape }, { groups }, { rtol: 0, atol: 0 });
  });
});

describe('concatenation and parts refuse', () => {
  it('shapes and ranges that do not fit, naming them', async () => {
    setDefaultDevice(await paths.native());
    const x = Tensor.zeros([2, 6, 3, 3]);
    expect(() => concat([])).toThrow('at least one');
    expect(() => concat([x, Tensor.zeros([2, 6, 3, 4])])).toThrow('(2, 6, 3, 3) and (2, 6, 3, 4)');
    expect(() => concat([x], 4)).toThrow('axis 4');
    expect(() => narrow(x, 1, 4, 3)).toThrow('no 3 elements from 4 on');
    expect(() => split(x, [2, 3])).toThrow('2 + 3');
    expect(() => chunk(x, 0)).toThrow('at least 1');
    expect(() => channelShuffle(x, 4)).toThrow('4 groups must divide the 6 channels');
  });
});
