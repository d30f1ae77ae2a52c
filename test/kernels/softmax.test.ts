import { describe, expect, it } from 'vitest';
import { accumulateTotals, crossEntropy } from '../../src/kernels/index.js';
import { backward, Parameter, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

const wide = (random: { uniform(): number }) => 40 * (random.uniform() - 0.5);

describe.each(pathNames)('softmax and cross-entropy on the %s path', path => {
  it.each([[[1, 1]], [[5, 7]], [[64, 7]], [[65, 10]], [[3, 100]]])('softmax and log-softmax of %j', async shape => {
    await checkOp(path, 'softmax', { input: shape }, {}, { value: wide });
    await checkOp(path, 'log_softmax', { input: shape }, {}, { value: wide, atol: 1e-4 });
  });

  it.each([
    [1, 2],
    [9, 7],
    [64, 7],
    [70, 10],
  ] as const)('cross-entropy of (%i,%i), every form', async (n, k) => {
    const labels = Array.from({ length: n }, (_, i) => (i * 5 + 1) % k);
    const weight = Array.from({ length: k }, (_, i) => Math.fround(0.3 + i / 3));
    const targets = Array.from({ length: n }, (_, i) => {
      const votes = Array.from({ length: k }, (_, j) => (i * 7 + j * 3) % 5);
      const total = votes.reduce((a, b) => a + b, 0) || 1;
      return votes.map(vote => Math.fround(vote / total));
    });
    const forms = [
      { labels },
      { labels, weight },
      { labels, label_smoothing: 0.1 },
      { labels, weight, label_smoothing: 0.1 },
    ];
    for (const params of [...forms, { targets }, { targets, label_smoothing: 0.2 }, { targets, weight }]) {
      await checkOp(path, 'cross_entropy', { input: [n, k] }, params, { value: wide, atol: 1e-4 });
    }
    const focal = [
      ...[0.5, 1, 2].map(focal_gamma => ({ labels, focal_gamma })),
      { labels, weight, label_smoothing: 0.1, focal_gamma: 2 },
      { targets, focal_gamma: 2 },
    ];
    for (const params of focal) {
      // Milder logits: 1 - q has no digits left in float32 where q is all but 1.
      const value = (random: { uniform(): number }) => 8 * (random.uniform() - 0.5);
      await checkOp(path, 'cross_entropy', { input: [n, k] }, params, { value, atol: 1e-4 });
    }
  });
});

describe('cross-entropy', () => {
  it('does not overflow', async () => {
    setDefaultDevice(await paths.native());
    const loss = crossEntropy(Tensor.from([1e4, 0, -1e4, 0], [2, 2]), Tensor.from([0, 1], [2], { dtype: 'u32' }));
    expect(await loss.item()).toBeCloseTo(0, 6);
  });

  it.each([0.5, 2])(
    'as focal loss with gamma %d neither overflows nor becomes NaN where nothing is missed',
    async gamma => {
      setDefaultDevice(await paths.native());
      const logits = Parameter.of([1e4, 0, -1e4, 0], [2, 2]);
      const loss = crossEntropy(logits, Tensor.from([0, 0], [2], { dtype: 'u32' }), { focalGamma: gamma });
      backward(loss);
      expect(await loss.item()).toBeCloseTo(5000, 0);
      expect([...(await logits.grad!.data())]).toEqual([0, 0, -0.5, 0.5]);
      logits.dispose();
      expect(() => crossEntropy(Tensor.ones([1, 2]), Tensor.ones([1, 2]), { focalGamma: -1 })).toThrow(
        'gamma is 0 or more',
      );
    },
  );

  it('counts losses, hits and images over batches, and stops counting at the first loss that is not finite', async () => {
    setDefaultDevice(await paths.native());
    const totals = Tensor.zeros([4]);
    const batch = (logits: number[], labels: number[]) => {
      const x = Tensor.from(logits, [labels.length, 2]);
      const y = Tensor.from(labels, [labels.length], { dtype: 'u32' });
      accumulateTotals(totals, x, crossEntropy(x, y), y);
    };
    batch([0, 0, 0, 1], [0, 0]); // equal logits: the first class is the prediction
    batch([2, 0], [0]);
    const [loss, correct, images, bad] = await totals.data();
    expect(loss).toBeCloseTo(Math.log(2) + Math.log(1 + Math.E) + Math.log(1 + Math.exp(-2)), 5);
    expect([correct, images, bad]).toEqual([2, 3, 0]);
    batch([NaN, 0], [0]);
    batch([2, 0], [0]);
    expect([...(await totals.data())].slice(1)).toEqual([2, 3, 2]);
    batch([Infinity, 0], [1]);
    expect((await totals.data())[3]).toBe(3);
  });

  it.each(pathNames)(
    'is NaN for a label that is no class, and gives that row no other gradient, on the %s path',
    async path => {
      setDefaultDevice(await paths[path]());
      for (const weight of [undefined, Tensor.from([1, 2, 3], [3])]) {
        for (const labelSmoothing of [0, 0.1]) {
          const logits = Tensor.from([1, 2, 3, 3, 2, 1], [2, 3], { requiresGrad: true });
          const loss = crossEntropy(logits, Tensor.from([1, 3], [2], { dtype: 'u32' }), { weight, labelSmoothing });
          backward(loss);
          expect(await loss.item()).toBeNaN();
          expect([...(await logits.grad!.data())].map(Number.isNaN)).toEqual([false, false, false, true, true, true]);
        }
      }
      const far = crossEntropy(Tensor.zeros([1, 3]), Tensor.from([0xffffffff], [1], { dtype: 'u32' }));
      expect(await far.item()).toBeNaN();
      const totals = Tensor.zeros([4]);
      accumulateTotals(totals, Tensor.zeros([1, 3]), far, Tensor.from([0xffffffff], [1], { dtype: 'u32' }));
      expect([...(await totals.data())]).toEqual([0, 0, 0, 1]);
    },
  );

  it('is not a number for a label that no class has', async () => {
    for (const path of pathNames) {
      setDefaultDevice(await paths[path]());
      const logits = Tensor.from([1, 2, 3, 4], [2, 2]);
      const loss = crossEntropy(logits, Tensor.from([0, 2], [2], { dtype: 'u32' }));
      expect(await loss.item()).toBeNaN();
      const totals = Tensor.zeros([4]);
      accumulateTotals(totals, logits, loss, Tensor.from([0, 2], [2], { dtype: 'u32' }));
      expect([...(await totals.data())]).toEqual([0, 0, 0, 1]);
    }
  });

  it('refuses targets that do not fit', async () => {
    setDefaultDevice(await paths.native());
    const logits = Tensor.zeros([4, 7]);
    expect(() => crossEntropy(logits, Tensor.zeros([3], { dtype: 'u32' }))).toThrow('(4, 7) and (3)');
    expect(() => crossEntropy(logits, Tensor.zeros([4], { dtype: 'u32' }), { labelSmoothing: 2 })).toThrow(
      'from 0 to 1',
    );
  });
});
