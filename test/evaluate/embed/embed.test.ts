import { describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../../src/data/dataset.js';
import { affinitiesOf } from '../../../src/evaluate/embed/affinities.js';
import { extractFeatures } from '../../../src/evaluate/embed/features.js';
import { principalComponents } from '../../../src/evaluate/embed/pca.js';
import { QuadTree } from '../../../src/evaluate/embed/quadtree.js';
import { gradientOf, tsne } from '../../../src/evaluate/embed/tsne.js';
import { umap } from '../../../src/evaluate/embed/umap.js';
import { modelRegistry } from '../../../src/nn/index.js';
import { manualSeed, noGrad, scope, setDefaultDevice, Tensor } from '../../../src/tensor/index.js';
import { RandomStream } from '../../../src/util/random.js';
import { paths } from '../../devices.js';

// Expected values: scikit-learn 1.2, _joint_probabilities(D, 2.4) and PCA(2), with the sign of the largest loading made +.
const POINTS = [0, 0, 1, 1, 0, 2, 0, 3, 1, 5, 5, 4, 6, 5, 5, 5, 7, 4, 2, 1, 0, 6, 6, 6];

const EXPECTED_PCA = [
  ...[
    [-4.930695, -0.393896],
    [-3.837101, -1.286054],
    [-3.046635, 1.933734],
    [2.707209, -0.074013],
  ],
  ...[
    [3.800803, -0.966172],
    [3.963248, 1.47774],
    [-3.570735, -0.050398],
    [4.913905, -0.640942],
  ],
];
const EXPECTED_P0 = [0, 0.07946, 0.036626, 0, 0, 0, 0.044479, 0];
const EXPECTED_P3 = [0, 5e-6, 0, 0, 0.069132, 0.057496, 0, 0.017197];

/** Three clouds of `each` points in `dimensions`, far apart. */
function clouds(each: number, dimensions: number): { points: Float64Array; of: number[] } {
  const random = new RandomStream(11, 0);
  const centres = Array.from({ length: 3 * dimensions }, () => 6 * random.normal());
  const of = Array.from({ length: 3 * each }, (_, n) => n % 3);
  const points = Float64Array.from({ length: of.length * dimensions }, (_, i) => {
    const n = Math.floor(i / dimensions);
    return centres[of[n]! * dimensions + (i % dimensions)]! + random.normal();
  });
  return { points, of };
}

/** The share of points whose nearest neighbour in the plane is of their own cloud. */
function purity(y: Float64Array, of: readonly number[]): number {
  const hits = of.filter((own, i) => {
    const square = (j: number) => (y[2 * i]! - y[2 * j]!) ** 2 + (y[2 * i + 1]! - y[2 * j + 1]!) ** 2;
    const nearest = of.reduce((best, _, j) => (j !== i && (best < 0 || square(j) < square(best)) ? j : best), -1);
    return of[nearest] === own;
  });
  return hits.length / of.length;
}

it('principalComponents are those of scikit-learn', () => {
  const scores = principalComponents(POINTS, 8, 3, 2);
  EXPECTED_PCA.flat().forEach((value, i) => {
    expect(scores[i]).toBeCloseTo(value, 5);
  });
});

describe('affinitiesOf', () => {
  it('gives the joint probabilities of scikit-learn', () => {
    const { start, neighbours, values } = affinitiesOf(POINTS, 8, 3, 2.4);
    for (const [i, row] of [
      [0, EXPECTED_P0],
      [3, EXPECTED_P3],
    ] as const) {
      const own = new Array<number>(8).fill(0);
      for (let e = start[i]!; e < start[i + 1]!; e++) own[neighbours[e]!] = values[e]!;
      row.forEach((value, j) => {
        expect(own[j]).toBeCloseTo(value, 4);
      });
    }
  });

  it('is symmetric and sums to 1 where only the nearest count', () => {
    const { points } = clouds(30, 5);
    const { count, start, neighbours, values } = affinitiesOf(points, 90, 5, 8);
    expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10);
    const at = new Map<string, number>();
    for (let i = 0; i < count; i++) {
      for (let e = start[i]!; e < start[i + 1]!; e++) at.set(`${i} ${neighbours[e]!}`, values[e]!);
    }
    for (const [key, value] of at) expect(at.get(key.split(' ').reverse().join(' '))).toBe(value);
  });

  it('bears points that are one', () => {
    const { values } = affinitiesOf(new Float64Array(40), 20, 2, 5);
    expect(values.every(Number.isFinite)).toBe(true);
  });
});

describe('gradientOf', () => {
  const { points } = clouds(8, 4);
  const affinities = affinitiesOf(points, 24, 4, 7);
  const random = new RandomStream(2, 0);
  const y = Float64Array.from({ length: 48 }, () => random.normal());

  it('is the slope of the divergence', () => {
    const { gradient } = gradientOf(affinities, y, {});
    for (const i of [0, 1, 13, 30, 47]) {
      const moved = (by: number) =>
        gradientOf(
          affinities,
          y.map((value, d) => (d === i ? value + by : value)),
          {},
        );
      expect(gradient[i]).toBeCloseTo((moved(1e-5).divergence - moved(-1e-5).divergence) / 2e-5, 6);
    }
  });

  it('of Barnes and Hut is exact with theta 0, and near with 0.5', () => {
    const exact = gradientOf(affinities, y, {}).gradient;
    const tree = new QuadTree(24);
    const same = gradientOf(affinities, y, { tree, theta: 0 }).gradient;
    const near = gradientOf(affinities, y, { tree, theta: 0.5 }).gradient;
    const size = Math.hypot(...exact);
    const off = (other: Float64Array) => Math.hypot(...exact.map((value, i) => value - other[i]!)) / size;
    expect(off(same)).toBeLessThan(1e-12);
    expect(off(near)).toBeLessThan(0.05);
    expect(off(near)).toBeGreaterThan(0);
  });

  it('of Barnes and Hut bears points that are one', () => {
    const at = y.map((value, i) => (i < 20 ? y[i & 1]! : value));
    const exact = gradientOf(affinities, at, {}).gradient;
    const same = gradientOf(affinities, at, { tree: new QuadTree(24), theta: 0 }).gradient;
    exact.forEach((value, i) => {
      expect(same[i]).toBeCloseTo(value, 12);
    });
  });
});

describe('tsne', () => {
  it.each([
    ['exact', 0],
    ['by Barnes and Hut', 0.5],
  ])('%s keeps clouds together, and gives the same again', (_how, theta) => {
    const { points, of } = clouds(40, 10);
    const y = tsne(points, 120, 10, { theta, iterations: 400 });
    expect(purity(y, of)).toBe(1);
    expect(tsne(points, 120, 10, { theta, iterations: 400 })).toEqual(y);
  });

  it('refuses a perplexity for which there are too few points', () => {
    expect(() => tsne(POINTS, 8, 3, { perplexity: 3 })).toThrow('perplexity 3 is for more points');
    expect(() => tsne([1, 2, 3], 3, 1)).toThrow('four points or more');
  });

  it('bears points that are all one', () => {
    expect(tsne(new Float64Array(60), 20, 3, { iterations: 50 }).every(Number.isFinite)).toBe(true);
  });
});

it('umap keeps clouds together, and gives the same again', () => {
  const { points, of } = clouds(30, 10);
  const y = umap(points, 90, 10);
  expect(purity(y, of)).toBeGreaterThan(0.98);
  expect(umap(points, 90, 10)).toEqual(y);
  expect(() => umap(points, 9, 10)).toThrow('16 points or more');
});

it('extractFeatures gives what goes into the last linear layer', async () => {
  const device = await paths.native();
  setDefaultDevice(device);
  manualSeed(4);
  const random = new RandomStream(1, 0);
  const images = Uint8Array.from({ length: 5 * 2304 }, () => random.integer(256));
  const split: Split = { count: 5, images, labels: new Uint8Array(5) };
  const splits = { train: split, val: split, test: split };
  const form = { channels: 1, height: 48, width: 48 };
  const data: DataSet = { name: 'noise', classes: ['a', 'b'], ...form, splits, fingerprint: 'noise' };
  const model = modelRegistry['simple-mlp']!.create({ classes: 2 });
  const normalisation = { mean: [0.5], std: [0.25] };
  const network = { model, normalisation, augmenter: undefined };
  const chosen = Uint32Array.of(4, 1, 0);
  const features = await extractFeatures(device, network, data, split, chosen, { batchSize: 2 });
  expect(features).toMatchObject({ count: 3, values: { length: 3 * features.dimensions } });

  const parameters = model.namedParameters();
  const weight = await parameters.get(`${features.layer}.weight`)!.data();
  const bias = await parameters.get(`${features.layer}.bias`)!.data();
  const x = Float32Array.from([4, 1, 0].flatMap(n => [...images.subarray(n * 2304, (n + 1) * 2304)]));
  model.eval();
  const logits = scope(() =>
    noGrad(() =>
      model.forward(
        Tensor.from(
          x.map(byte => (byte / 255 - 0.5) / 0.25),
          [3, 1, 48, 48],
        ),
      ),
    ).keep(),
  );
  (await logits.data()).forEach((logit, i) => {
    let sum = bias[i % 2]!;
    for (let d = 0; d < features.dimensions; d++) {
      sum += weight[(i % 2) * features.dimensions + d]! * features.values[Math.floor(i / 2) * features.dimensions + d]!;
    }
    expect(logit).toBeCloseTo(sum, 4);
  });
  logits.dispose();
  expect([...model.namedModules()].some(([, module]) => module.hooked)).toBe(false);
  model.dispose();
});
