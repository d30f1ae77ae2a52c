import * as z from 'zod';
import { UserError } from '../util/errors.js';

/**
 * When a run saves its state beside what it always saves. They decide nothing of its result, and may be changed when it is
 * resumed.
 */
export interface CheckpointOptions {
  /** Save after every so many steps, counted over the whole run. */
  saveEverySteps?: number;
  /** Save after every so many epochs. */
  saveEveryEpochs?: number;
  /** So many of the newest checkpoints after epochs are kept, and as many of those in their midst; 3 where absent. */
  keep?: number;
}

const positive = z.int().positive();

export const checkpointShape = {
  saveEverySteps: positive.exactOptional(),
  saveEveryEpochs: positive.exactOptional(),
  keep: positive.exactOptional(),
};

export const checkpointKeys = Object.keys(checkpointShape) as readonly (keyof CheckpointOptions)[];

/** @throws UserError where something would be kept that is never saved */
export function requireSaves({ saveEverySteps, saveEveryEpochs, keep }: CheckpointOptions): void {
  if (keep === undefined || saveEverySteps !== undefined || saveEveryEpochs !== undefined) return;
  throw new UserError(
    `--keep ${keep} counts the checkpoints of --save-every-steps and --save-every-epochs: give one of them too`,
  );
}
