import type { SplitName } from '../dataset.js';

/** One image of a store and what it is labelled as. */
export interface LabelledImage {
  readonly slot: number;
  readonly label: number;
  /** Absent where the source has no splits. */
  readonly split?: SplitName;
  /** Probabilities of the classes, where labels are soft. */
  readonly target?: readonly number[];
}
