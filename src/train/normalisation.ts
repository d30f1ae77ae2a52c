import { pixelStatistics, type DataSet, type Split } from '../data/dataset.js';
import { UserError } from '../util/errors.js';
import type { Normalisation } from './batches.js';
import type { TrainOptions } from './types.js';

/**
 * What images are normalised with before they go to the network: what the options say, else the training split's own
 * statistics; nothing where the network normalises as ImageNet's images were.
 */
export function normalisationOf(
  options: Pick<TrainOptions, 'mean' | 'std'> & { readonly imagenet?: boolean },
  data: DataSet,
  train: Split,
): Normalisation & { mean: number[]; std: number[]; imagenet?: true } {
  const { channels } = data;
  if (options.imagenet) return { mean: new Array(channels).fill(0), std: new Array(channels).fill(1), imagenet: true };
  const measured = options.mean && options.std ? undefined : pixelStatistics(train, channels);
  const mean = options.mean ?? measured!.mean;
  const std = options.std ?? measured!.std;
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== data.channels) {
      throw new UserError(`--${name} has ${values.length} values; ${data.name} has ${data.channels} channels`);
    }
  }
  if (std.some(value => !(value > 0))) throw new UserError('the training images are all of one colour; give --std');
  return { mean: [...mean], std: [...std] };
}
