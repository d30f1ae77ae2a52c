import * as z from 'zod';

/** A line of `metrics.csv`. */
export const epochRowSchema = z.object({
  epoch: z.int(),
  lr: z.number(),
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  valLoss: z.number(),
  valAccuracy: z.number(),
  seconds: z.number(),
  imagesPerSecond: z.number(),
});

const count = z.int().nonnegative();

/** Where a run went back to an earlier state of its own. */
const branchSchema = z.object({
  /** How many times it has, this one included. */
  number: z.int().positive(),
  /** The place that it went back to. */
  epochs: count,
  step: count,
});

export type Branch = z.infer<typeof branchSchema>;

/** Where a run stands between two steps. Together with weights and optimiser state it decides all that follows. */
export const positionSchema = z.object({
  /** Finished epochs. */
  epochs: count,
  /** Finished steps of the epoch under way. */
  step: count,
  /** Number of the stage whose optimiser this is the state of, from 0, where that is not the first. */
  stage: count.exactOptional(),
  branch: branchSchema.exactOptional(),
  /** The best epoch is one after this one; absent: any. */
  bestAfter: count.exactOptional(),
  /** Seconds so far, over all sittings; of the epoch under way likewise. */
  seconds: z.number(),
  epochSeconds: z.number(),
  history: z.array(epochRowSchema),
});

export type Position = z.infer<typeof positionSchema>;

/** A place in a run, and on which of its branches. */
export type Place = Pick<Position, 'epochs' | 'step' | 'branch'>;

/** Below 0 where a run got to `a` before it got to `b`. */
export function comparePlaces(a: Place, b: Place): number {
  return (a.branch?.number ?? 0) - (b.branch?.number ?? 0) || a.epochs - b.epochs || a.step - b.step;
}

/** `after epoch 3`, `after step 120 of epoch 4`. */
export function describePlace({ epochs, step }: Pick<Place, 'epochs' | 'step'>): string {
  return step > 0 ? `after step ${step} of epoch ${epochs + 1}` : `after epoch ${epochs}`;
}
