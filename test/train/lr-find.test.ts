import { describe, expect, it } from 'vitest';
import { learningRateCurve } from '../../src/plots/index.js';
import { findLearningRate, pointsCsv, suggestions, type LrPoint } from '../../src/train/lr-find.js';
import { paths } from '../devices.js';
import { bandData, base } from './small-run.js';

const curve = (losses: readonly number[]): LrPoint[] =>
  losses.map((smoothed, i) => ({ step: i + 1, lr: 10 ** (i - 6), loss: smoothed, smoothed }));

describe('suggestions', () => {
  it('take the middle of the longest way down, the steepest place, and a tenth of the lowest', () => {
    //                          1e-6 1e-5 1e-4 1e-3  .01  .1   1   10
    const points = curve([2.0, 2.1, 2.0, 1.8, 1.2, 1.0, 1.1, 4]);
    const { valley, steepest, minimum } = suggestions(points);
    // 2.1, 2.0, 1.8, 1.2, 1.0 falls from step 2 to step 6.
    expect(valley).toBe(points[3]!.lr);
    expect(steepest).toBe(points[4]!.lr);
    expect(minimum).toBeCloseTo(points[5]!.lr / 10, 12);
  });

  it('need three points', () => {
    expect(() => suggestions(curve([1, 2]))).toThrow('a smaller --start-lr');
  });
});

describe('findLearningRate', () => {
  it('raises the rate by a factor at each step, smooths as fastai, stops where the loss diverges, and gives its memory back', async () => {
    const device = await paths.native();
    const options = { ...base, model: 'simple-mlp', startLr: 1e-5, endLr: 100, steps: 40 };
    // Labels that the images do not tell: a rate that is too high makes the loss grow.
    const { splits, ...rest } = bandData(60);
    const labels = splits.train.labels.map((_, i) => i % 3);
    const data = { ...rest, splits: { ...splits, train: { ...splits.train, labels } } };
    const seen: number[] = [];
    const run = () =>
      findLearningRate(device, data, options, {
        onStep: ({ step }) => {
          seen.push(step);
        },
      });
    const result = await run();
    const { points } = result;
    expect(result.diverged).toBe(true);
    expect(points.length).toBeLessThan(40);
    expect(seen.length).toBe(points.length);
    expect(points[0]!.lr).toBeCloseTo(1e-5, 12);
    expect(points[1]!.lr / points[0]!.lr).toBeCloseTo(1e7 ** (1 / 39), 8);
    expect(points[0]!.smoothed).toBeCloseTo(points[0]!.loss, 8);
    expect(points[1]!.smoothed).toBeCloseTo((0.98 * points[0]!.loss + points[1]!.loss) / 1.98, 6);
    expect(result.valley).toBeGreaterThan(1e-5);
    expect(result.valley).toBeLessThan(points.at(-1)!.lr);
    expect(pointsCsv(points).split('\n')).toHaveLength(points.length + 2);
    const svg = await learningRateCurve('title', points, result.valley);
    expect(svg).toContain('learning rate');
    const { liveCount, liveBytes } = device.pool;
    expect((await run()).points).toEqual(points);
    expect([device.pool.liveCount, device.pool.liveBytes]).toEqual([liveCount, liveBytes]);
  });

  it('refuses a range that is none', async () => {
    const options = { ...base, startLr: 1, endLr: 0.1, steps: 5 };
    await expect(findLearningRate(await paths.native(), bandData(20), options)).rejects.toThrow('--end-lr above');
  });
});
