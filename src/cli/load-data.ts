import type { DataSet } from '../data/dataset.js';
import { excludeImages } from '../data/exclude.js';
import { loadDataSet } from '../data/load.js';
import { StatusLine } from './status-line.js';

/**
 * Loads a data set, without the images of the list in `exclude`; standard error tells how far it is and what came of it.
 */
export async function loadDataVisibly(source: string, exclude?: string): Promise<DataSet> {
  const line = new StatusLine();
  let outcome = '';
  try {
    const data = await loadDataSet(source, {
      onProgress: (fraction, text) => {
        line.update(text, fraction);
        if (fraction >= 1) outcome = text;
      },
    });
    return exclude === undefined ? data : await excludeImages(data, exclude);
  } finally {
    line.clear();
    // What the loader found out besides the data, such as a cache that cannot be written.
    if (outcome !== '') process.stderr.write(`${outcome}\n`);
  }
}
