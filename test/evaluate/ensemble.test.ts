import { describe, expect, it } from 'vitest';
import { combine, fitWeights } from '../../src/evaluate/ensemble.js';
import { score, type Predictions } from '../../src/evaluate/evaluate.js';
import { RandomStream } from '../../src/util/random.js';

const K = 4;
const N = 300;
const labels = Uint8Array.from({ length: N }, (_, n) => n % K);

/** Logits of noise, with `skill` added at the true class. */
function member(seed: number, skill: number): Predictions {
  const random = new RandomStream(seed, 3);
  const logits = Float32Array.from(
    { length: N * K },
    (_, i) => random.normal() + (i % K === labels[Math.floor(i / K)] ? skill : 0),
  );
  return score(logits, labels, K);
}

/** Float64 softmax by its definition. */
function probabilities({ logits }: Predictions): number[][] {
  return Array.from({ length: N }, (_, n) => {
    const powers = Array.from(logits.subarray(n * K, n * K + K), Math.exp);
    const total = powers.reduce((a, b) => a + b);
    return powers.map(power => power / total);
  });
}

function lossOf(members: readonly Predictions[], weights: readonly number[]): number {
  const all = members.map(probabilities);
  return (
    -Array.from(labels, (label, n) => Math.log(weights.reduce((sum, w, m) => sum + w * all[m]![n]![label]!, 0))).reduce(
      (a, b) => a + b,
    ) / N
  );
}

describe('combine', () => {
  const members = [member(1, 1), member(2, 0.5), member(3, 2)];

  it('means probabilities', () => {
    const [a, b, c] = members.map(probabilities) as [number[][], number[][], number[][]];
    const weights = [0.2, 0.3, 0.5];
    const combined = combine(members, weights);
    probabilities(combined).forEach((row, n) => {
      row.forEach((p, k) => {
        expect(p).toBeCloseTo(0.2 * a[n]![k]! + 0.3 * b[n]![k]! + 0.5 * c[n]![k]!, 6);
      });
    });
    expect(combined.loss).toBeCloseTo(lossOf(members, weights), 6);
    const right = Array.from(labels).filter((label, n) => {
      const row = a[n]!.map((p, k) => 0.2 * p + 0.3 * b[n]![k]! + 0.5 * c[n]![k]!);
      return row.indexOf(Math.max(...row)) === label;
    });
    expect(combined.accuracy).toBe(right.length / N);
  });

  it('weighs equally by default', () => {
    expect(combine(members).loss).toBeCloseTo(lossOf(members, [1 / 3, 1 / 3, 1 / 3]), 6);
  });

  it('stays finite where every member rules a class out', () => {
    const sure = score(Float32Array.of(0, 2000), Uint8Array.of(0), 2);
    expect(combine([sure, sure]).logits.every(Number.isFinite)).toBe(true);
  });

  it('refuses members of other images', () => {
    const other = { ...members[1]!, labels: labels.map(label => (label + 1) % K) };
    expect(() => combine([members[0]!, other])).toThrow('the same images');
  });
});

describe('fitWeights', () => {
  it('finds the least loss of two members, as a search over all shares does', () => {
    const members = [member(1, 1), member(2, 1.5)];
    let [low, high] = [0, 1];
    for (let i = 0; i < 100; i++) {
      const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
      if (lossOf(members, [a, 1 - a]) < lossOf(members, [b, 1 - b])) high = b;
      else low = a;
    }
    const { weights, loss, equalLoss, gap } = fitWeights(members, { tolerance: 1e-10 });
    expect(weights[0]).toBeCloseTo(low, 4);
    expect(loss).toBeCloseTo(lossOf(members, [low, 1 - low]), 9);
    expect(equalLoss).toBeCloseTo(lossOf(members, [0.5, 0.5]), 12);
    expect(gap).toBeLessThanOrEqual(1e-10);
  });

  it('leaves out a member that only does harm, and is a point of least loss of four', () => {
    const members = [member(1, 1.2), member(2, 1.5), member(3, -2), member(4, 1)];
    const { weights, loss } = fitWeights(members);
    expect(weights[2]).toBeLessThan(1e-4);
    expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(loss).toBeCloseTo(lossOf(members, weights), 9);
    // A step towards any member alone, and away from any that has weight, gains nothing worth naming.
    members.forEach((_, m) => {
      for (const step of weights[m]! > 0.01 ? [0.005, -0.005] : [0.005]) {
        const moved = weights.map((weight, j) => (1 - step) * weight + (j === m ? step : 0));
        expect(lossOf(members, moved)).toBeGreaterThan(loss - 1e-6);
      }
    });
  });

  it('is the same every time, and equal where members are', () => {
    const members = [member(1, 1), member(2, 1.5), member(3, 0)];
    expect(fitWeights(members)).toEqual(fitWeights(members));
    expect(fitWeights([members[0]!, members[0]!]).weights).toEqual([0.5, 0.5]);
  });
});
