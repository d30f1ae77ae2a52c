import { describe, expect, it } from 'vitest';
import type { Deviation } from './compare.js';
import { inDraws } from './models.js';
import { runCase } from './report.js';

const deviation = (excess: number): Deviation => ({ quantity: 'the gradient', excess, message: 'off' });

describe('a computation that turns on the last digit', () => {
  it('is done once where it agrees at once', async () => {
    const draws: number[] = [];
    const result = await inDraws(draw => {
      draws.push(draw);
      return Promise.resolve([deviation(0.5)]);
    });
    expect(draws).toEqual([0]);
    expect(result).toEqual([deviation(0.5)]);
  });

  it('passes with a note where it agrees for an input nearby', async () => {
    const check = () => inDraws(draw => Promise.resolve([deviation(draw === 3 ? 0.9 : 2)]));
    const result = await runCase('models', 'some-net', check);
    expect(result.status).toBe('passed');
    expect(result.message).toMatch(/the gradient agrees for an input that differs in last digits \(draw 3 of/);
  });

  it('fails with what the given input gave where no input nearby agrees', async () => {
    let draws = 0;
    const result = await inDraws(draw => {
      draws++;
      return Promise.resolve([deviation(draw === 0 ? 7 : Number.NaN)]);
    });
    expect(draws).toBeGreaterThan(5);
    expect(result).toEqual([deviation(7)]);
  });
});
