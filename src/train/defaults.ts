/** What a new run takes where nothing is given. */
export const trainDefaults = {
  epochs: 10,
  batchSize: 64,
  lr: 1e-3,
  optimizer: 'adam',
  seed: 0,
  sampler: 'shuffle',
  classWeights: 'none',
} as const;

/** Checkpoints of either kind that a run keeps where nothing is given (checkpoint-options.ts). */
export const DEFAULT_KEEP = 3;
