import type { RandomStream } from '../../util/random.js';

/** Uniform in [low, high). */
export function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}

/**
 * Nearly normal, with mean 0 and deviation `deviation`: four uniform numbers summed. The logarithm and the cosine of the
 * exact method may differ in the last bit from machine to machine.
 */
export function bell(random: RandomStream, deviation: number): number {
  const sum = random.uniform() + random.uniform() + random.uniform() + random.uniform();
  return (sum - 2) * Math.sqrt(3) * deviation;
}

export function chance(random: RandomStream, probability: number): boolean {
  return random.uniform() < probability;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
