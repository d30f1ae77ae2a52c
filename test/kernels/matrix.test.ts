import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { conv2d, linear, matmul } from '../../src/kernels/index.js';
import { matrixTiles } from '../../src/kernels/matrix_tiles.js';
import { choiceName } from '../../src/kernels/tuning/choice.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { openEmulated, SIZES } from '../emulated-matrices.js';
import { checkOp } from './check.js';

/** Sixty-fourths are f16 numbers, so that rounding changes none of them. */
const exact = { value: (random: { uniform(): number }) => Math.round(random.uniform() * 128 - 64) / 64, rtol: 1e-3 };

describe('products on emulated matrices', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openEmulated();
    setDefaultDevice(device);
  });
  afterAll(() => {
    device.destroy();
  });

  // Blocks are 128 x 64 of slices 32 deep.
  it.each([
    [4, 4, 4],
    [128, 32, 64],
    [132, 36, 68],
    [260, 68, 132],
    [5, 8, 12],
  ])('matmul (%i,%i)·(…,%i)', async (m, k, n) => {
    await checkOp(device, 'matmul', { a: [m, k], b: [k, n] }, {}, exact);
  });

  it.each([
    [70, 36, 20],
    [5, 36, 7],
  ])('linear with bias: batch %i, %i to %i', async (n, i, o) => {
    await checkOp(device, 'linear', { input: [n, i], weight: [o, i], bias: [o] }, {}, exact);
  });

  it('weight gradients over many rows, in splits', async () => {
    await checkOp(device, 'linear', { input: [1030, 8], weight: [12, 8] }, {}, exact);
  });

  it.each([
    ['3x3', [2, 8, 9, 7], [12, 8, 3, 3], { padding: 1 }],
    ['3x3 with stride 2', [3, 4, 11, 10], [68, 4, 3, 3], { padding: 1, stride: 2 }],
    ['5x3 dilated', [1, 12, 14, 12], [4, 12, 5, 3], { dilation: [2, 1], padding: [3, 0] }],
    ['1x1', [3, 20, 8, 8], [24, 20, 1, 1], {}],
    ['1x1 with stride 2', [2, 8, 9, 9], [16, 8, 1, 1], { stride: 2 }],
    ['of many pixels, in splits', [4, 4, 24, 24], [4, 4, 3, 3], { padding: 1 }],
  ] as const)('conv2d %s', async (_, input, weight, params) => {
    await checkOp(device, 'conv2d', { input, weight, bias: [weight[0]] }, { ...params }, exact);
  });

  it('operands are rounded to the nearest f16, ties to even', async () => {
    const values = [
      1,
      1 + 2 ** -10,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -12,
      -65504,
      0.1,
      2 ** -24,
      3e-8,
      0,
      2049,
      2051,
    ];
    const rounded = [1, 1 + 2 ** -10, 1, 1 + 2 ** -9, 1, -65504, 0.0999755859375, 2 ** -24, 2 ** -24, 0, 2048, 2052];
    const identity = Tensor.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [4, 4]);
    expect([...(await matmul(Tensor.from(values, [3, 4]), identity).data())]).toEqual(rounded);
  });

  it('values beyond f16 are infinite, and NaN stays NaN', async () => {
    const x = Tensor.from([70000, 1, 1, 1, NaN, 1, 1, 1, 1, 1, 1, 1], [3, 4]);
    const y = await linear(x, Tensor.from([1, 1, 1, 1], [1, 4])).data();
    expect([...y]).toEqual([Infinity, NaN, 4]);
  });

  it('ends in an activation where asked', async () => {
    const x = Tensor.from([1, 2, 3, 4], [1, 4]);
    const w = Tensor.from([1, 1, 1, 1, -1, -1, -1, -1], [2, 4]);
    const y = linear(x, w, Tensor.from([1, 2], [2]), { activation: 'relu' });
    expect([...(await y.data())]).toEqual([11, 0]);
    const image = Tensor.from([1, 2, 3, 4], [1, 4, 1, 1]);
    const z = conv2d(
      image,
      Tensor.from([1, 1, 1, 1, -1, -1, -1, -1, 0, 0, 0, 1, 0, 0, -1, 0], [4, 4, 1, 1]),
      undefined,
      {
        padding: 1,
        activation: 'relu',
      },
    );
    const values = await z.data();
    expect(Array.from({ length: 4 }, (_, o) => values[o * 9 + 4])).toEqual([10, 0, 4, 0]);
  });

  it('sums are kept in f32', async () => {
    // 4096 ones and a thousandth: in f16, sums above 2048 would lose the odd ones.
    const a = Tensor.from(
      Float32Array.from({ length: 4100 }, (_, i) => (i === 4099 ? 2 ** -10 : i === 4098 ? 0 : 1)),
      [1, 4100],
    );
    const b = Tensor.from(new Float32Array(4100).fill(1), [1, 4100]);
    expect([...(await linear(a, b).data())]).toEqual([4098 + 2 ** -10]);
  });

  it('the products take the matrix shaders, and sizes that are no whole vec4 do not', () => {
    const launched: string[] = [];
    const dispatch = vi.spyOn(device, 'dispatch').mockImplementation(call => void launched.push(call.shader));
    linear(Tensor.zeros([3, 8]), Tensor.zeros([5, 8]));
    linear(Tensor.zeros([3, 7]), Tensor.zeros([5, 7]));
    conv2d(Tensor.zeros([1, 8, 4, 4]), Tensor.zeros([4, 8, 3, 3]));
    conv2d(Tensor.zeros([1, 3, 4, 4]), Tensor.zeros([4, 3, 3, 3]));
    conv2d(Tensor.zeros([1, 8, 4, 4]), Tensor.zeros([8, 4, 3, 3]), undefined, { groups: 2 });
    dispatch.mockRestore();
    expect(launched).toEqual(['matmul_matrix', 'matmul_portable', 'conv2d_matrix', 'conv2d', 'conv2d']);
  });

  it('blocks of other sizes give the same bits', async () => {
    // The largest takes the compiler longest.
    const tiles = matrixTiles('matmul_matrix', device, SIZES).slice(-3);
    expect(tiles).toHaveLength(3);
    const a = Tensor.from(
      Float32Array.from({ length: 200 * 72 }, (_, i) => Math.sin(i)),
      [200, 72],
    );
    const b = Tensor.from(
      Float32Array.from({ length: 72 * 140 }, (_, i) => Math.cos(3 * i)),
      [72, 140],
    );
    const results: Float32Array[] = [];
    for (const tile of tiles) {
      device.tuning = new Map([['matmul_nn 256x128x256 amp', choiceName(tile)]]);
      results.push(await matmul(a, b).data());
    }
    device.tuning = new Map();
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
