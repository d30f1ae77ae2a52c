/**
 * Stream numbers of the data floor's random numbers, so that a shuffle never repeats the draws of an initialiser that
 * has the same seed. They start at 100, clear of the tensor floor's `STREAM`, and stay below 256: `augment` keeps the epoch
 * in the bits above. 111 is the noise of shaders/augment.wgsl.
 */
export const DATA_STREAM = {
  shuffle: 100,
  limit: 101,
  face: 102,
  sheet: 103,
  drawnLabel: 104,
  split: 105,
  perClass: 106,
  weighted: 107,
  oversample: 108,
  fold: 109,
  augment: 110,
  joint: 112,
} as const;
