import type { DataSet } from '../data/dataset.js';
import { foldSplits } from '../data/folds.js';
import type { TrainOptions } from '../train/types.js';

/** What a run trains on, of which `whole` are the data before its fold is drawn. */
export async function ownData(
  whole: DataSet,
  options: TrainOptions,
  load: (options: TrainOptions) => Promise<DataSet>,
): Promise<DataSet> {
  const { fold, splitSeed, joint } = options;
  if (!fold) return whole;
  // Of jointly trained data the fold is drawn before they are joined.
  return joint ? load(options) : foldSplits(whole, fold, splitSeed);
}
