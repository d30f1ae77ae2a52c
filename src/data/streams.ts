/**
 * Stream numbers of the data floor's random numbers, so that a shuffle never repeats the draws of an initialiser that
 * has the same seed. They start at 100, clear of the tensor floor's `STREAM`.
 */
export const DATA_STREAM = { shuffle: 100, limit: 101, face: 102, sheet: 103, drawnLabel: 104, split: 105, perClass: 106 } as const;
