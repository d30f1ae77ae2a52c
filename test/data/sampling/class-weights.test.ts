import { describe, expect, it } from 'vitest';
import {
  classWeights,
  parseClassWeighting,
  weightWarning,
  type ClassWeighting,
} from '../../../src/data/sampling/class-weights.js';
import { UserError } from '../../../src/util/errors.js';

const names = ['a', 'b', 'c'];
const counts = [10, 40, 90];

/** What `text` makes of `counts`. */
const weights = (text: string) => classWeights(parseClassWeighting(text)!, counts, names);

describe('classWeights', () => {
  it('balanced is n / (K n_c)', () => {
    expect(weights('balanced')).toEqual([140 / 30, 140 / 120, 140 / 270]);
  });

  it('inverse-sqrt is proportional to 1 / sqrt(n_c) and sums to K', () => {
    const [a, b, c] = weights('inverse-sqrt') as [number, number, number];
    expect(a / c).toBeCloseTo(3, 12);
    expect(a / b).toBeCloseTo(2, 12);
    expect(a + b + c).toBeCloseTo(3, 12);
  });

  it('effective is proportional to (1 - beta) / (1 - beta^n_c) and sums to K', () => {
    const [a, b, c] = weights('effective:0.9') as [number, number, number];
    const effective = counts.map(n => Array.from({ length: n }, (_, i) => 0.9 ** i).reduce((sum, term) => sum + term));
    expect(a / b).toBeCloseTo(effective[1]! / effective[0]!, 10);
    expect(a / c).toBeCloseTo(effective[2]! / effective[0]!, 10);
    expect(a + b + c).toBeCloseTo(3, 12);
  });

  it('effective weighs all alike at beta 0 and by frequency close to 1', () => {
    expect(weights('effective:0')).toEqual([1, 1, 1]);
    const nearOne = weights('effective:0.9999999999');
    expect(nearOne[0]! / nearOne[2]!).toBeCloseTo(9, 5);
    expect(parseClassWeighting('effective')).toEqual({ scheme: 'effective', beta: 0.999 });
  });

  it('takes weights as they are given, one for each class', () => {
    expect(weights('1, 2.5,3e-1')).toEqual([1, 2.5, 0.3]);
    expect(() => weights('1,2')).toThrow('2 class weights were given for 3 classes: a, b, c');
  });

  it('stops at a class without images, whatever the scheme', () => {
    const schemes: ClassWeighting[] = [
      { scheme: 'balanced' },
      { scheme: 'inverse-sqrt' },
      { scheme: 'effective', beta: 0.99 },
      { scheme: 'given', weights: [1, 1, 1] },
    ];
    for (const scheme of schemes) {
      expect(() => classWeights(scheme, [3, 0, 5], names)).toThrow(UserError);
      expect(() => classWeights(scheme, [3, 0, 5], names)).toThrow('no training image of b');
    }
  });
});

describe('parseClassWeighting', () => {
  it('knows none', () => {
    expect(parseClassWeighting('none')).toBeUndefined();
  });

  it.each(['inverse', '', '5', '1,-1', '1,0', '1,,2', 'effective:1', 'effective:', 'effective:x', 'balanced:2'])(
    "refuses '%s'",
    text => {
      expect(() => parseClassWeighting(text)).toThrow(UserError);
      expect(() => parseClassWeighting(text)).toThrow(`'${text}'`);
    },
  );
});

describe('weightWarning', () => {
  it('names the classes and how far they are apart', () => {
    expect(weightWarning([1, 10, 2], names)).toBeUndefined();
    expect(weightWarning([1, 16.5, 2], names)).toMatch(/^b weighs 16.5 times as much as a/);
  });
});
