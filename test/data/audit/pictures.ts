import type { DataSet, Split, SplitName } from '../../../src/data/dataset.js';
import { fingerprintOf } from '../../../src/data/fingerprint.js';
import { RandomStream } from '../../../src/util/random.js';

export const SIDE = 24;
export const PIXELS = SIDE * SIDE;

/** A picture that no other seed resembles: waves, long ones stronger, as in photographs; bytes from 40 to 215. */
export function picture(seed: number): Uint8Array {
  const random = new RandomStream(seed, 90);
  const waves = Array.from({ length: 64 }, (_, k) => {
    const [u, v] = [k % 8, Math.floor(k / 8)];
    return [u, v, random.normal() / (2 + u + v)] as const;
  });
  const values = Float64Array.from({ length: PIXELS }, (_, i) => {
    const [x, y] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    return waves.reduce(
      (sum, [u, v, a]) => sum + a * Math.cos((Math.PI * u * x) / SIDE) * Math.cos((Math.PI * v * y) / SIDE),
      0,
    );
  });
  const low = Math.min(...values);
  const high = Math.max(...values);
  return Uint8Array.from(values, value => 40 + (175 * (value - low)) / (high - low));
}

/** The same under other light, with noise: a near duplicate. */
export function retaken(image: Uint8Array, seed: number): Uint8Array {
  const random = new RandomStream(seed, 91);
  return image.map(value => 0.8 * value + 30 + random.integer(7) - 3);
}

export interface Labelled {
  image: Uint8Array;
  label: number;
}

/** A grey data set of these images, of the classes a, b and c. */
export function dataSet(splits: Partial<Record<SplitName, readonly Labelled[]>>, name = 'pictures'): DataSet {
  const split = (list: readonly Labelled[] = []): Split => ({
    count: list.length,
    images: Uint8Array.from(list.flatMap(({ image }) => [...image])),
    labels: Uint8Array.from(list, ({ label }) => label),
  });
  const content = {
    ...{ classes: ['a', 'b', 'c'], channels: 1, height: SIDE, width: SIDE },
    splits: { train: split(splits.train), val: split(splits.val), test: split(splits.test) },
  };
  return { name, ...content, fingerprint: fingerprintOf(content) };
}
