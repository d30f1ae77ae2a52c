import { beforeAll, describe, expect, it } from 'vitest';
import { ShuffleUnit } from '../../src/nn/index.js';
import { manualSeed, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
  manualSeed(8);
});

/** The values of channel c of an image (1,C,H,W). */
const channel = (data: ArrayLike<number>, pixels: number, c: number) =>
  Array.from(data).slice(c * pixels, (c + 1) * pixels);

describe('ShuffleUnit', () => {
  const x = () =>
    Tensor.from(
      Array.from({ length: 8 * 36 }, (_, i) => Math.sin(i)),
      [1, 8, 6, 6],
    );

  it('at stride 1 leaves the first half as it is, between the channels of the other', async () => {
    const unit = new ShuffleUnit(8, 8, 1).eval();
    const input = await x().data();
    const right = Tensor.from(input.slice(4 * 36), [1, 4, 6, 6]);
    const branch = await unit.branch2.forward(right).data();
    const y = await unit.forward(x()).data();
    for (let c = 0; c < 4; c++) {
      expect(channel(y, 36, 2 * c)).toEqual(channel(input, 36, c));
      expect(channel(y, 36, 2 * c + 1)).toEqual(channel(branch, 36, c));
    }
  });

  it('at stride 2 halves the size, and takes all channels through both branches', async () => {
    const unit = new ShuffleUnit(8, 12, 2).eval();
    const y = unit.forward(x());
    expect(y.shape).toEqual([1, 12, 3, 3]);
    const [first, second] = [await unit.branch1.forward(x()).data(), await unit.branch2.forward(x()).data()];
    const data = await y.data();
    for (let c = 0; c < 6; c++) {
      expect(channel(data, 9, 2 * c)).toEqual(channel(first, 9, c));
      expect(channel(data, 9, 2 * c + 1)).toEqual(channel(second, 9, c));
    }
  });
});
