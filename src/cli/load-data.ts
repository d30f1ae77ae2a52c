import type { DataSet } from '../data/dataset.js';
import { excludeImages } from '../data/exclude.js';
import { foldSplits } from '../data/folds.js';
import { loadDataSet } from '../data/load.js';
import { joinDataSets } from '../data/joint.js';
import type { LoadOptions } from '../data/options.js';
import { jointLoadOptions } from '../train/joint.js';
import { loadOptionsOf } from '../train/load-options.js';
import type { TrainOptions } from '../train/types.js';
import { chooseLoadReporter } from './report/loading.js';

/**
 * Loads a data set, without the images of the list in `exclude` and in the fold that is asked for; standard error tells how far it is and what came of it.
 */
export async function loadDataVisibly(
  source: string,
  exclude?: string,
  { fold, ...options }: Omit<LoadOptions, 'onProgress' | 'onWarning'> = {},
): Promise<DataSet> {
  const reporter = chooseLoadReporter();
  let outcome = '';
  try {
    const data = await loadDataSet(source, {
      ...options,
      onWarning: text => {
        reporter.note(`warning: ${text}`);
      },
      onProgress: (fraction, text, images) => {
        outcome = text;
        // What came of it is told below, once and for all.
        if (fraction < 1 || images) reporter.progress(text, fraction, images);
      },
    });
    // The loader's last word, which also says what it found out besides the data, such as a cache that cannot be written.
    reporter.note(outcome);
    const kept = exclude === undefined ? data : await excludeImages(data, exclude);
    // Last, since an exclusion list names images by their places in the source's own splits.
    return fold === undefined ? kept : foldSplits(kept, fold, options.splitSeed);
  } finally {
    reporter.dispose();
  }
}

/** Loads what a run trains on: its data, with those that it trains on jointly. */
export async function loadRunDataVisibly(options: TrainOptions): Promise<DataSet> {
  const { joint } = options;
  const load = loadOptionsOf(options);
  const data = await loadDataVisibly(options.data, options.exclude, load);
  if (!joint) return data;
  return joinDataSets(
    data,
    await loadDataVisibly(joint.data, joint.exclude, jointLoadOptions(joint, load, data.channels)),
  );
}
