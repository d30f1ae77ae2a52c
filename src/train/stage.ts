import * as z from 'zod';

/** How a stage is stored. */
export const stageSchema = z.strictObject({
  epochs: z.int().positive(),
  /** Patterns of parameters that do not learn in this stage; all others do. */
  freeze: z.array(z.string().min(1)).min(1).exactOptional(),
  /** Patterns that are taken out of `freeze`: `freeze: ['*']` and `unfreeze: [fc]` train `fc` alone. */
  unfreeze: z.array(z.string().min(1)).min(1).exactOptional(),
  /** The run's where absent. */
  lr: z.number().positive().exactOptional(),
  /** The run's where absent. */
  groups: z.array(z.string().min(1)).exactOptional(),
  scheduler: z.string().min(1).exactOptional(),
  warmup: z.string().min(1).exactOptional(),
});

/**
 * A part of a run with an optimiser of its own. It begins from the weights of the stage before; the optimiser's state, the
 * schedule, the moving average of weights and the scale of mixed precision begin anew.
 */
export type Stage = z.infer<typeof stageSchema>;
