import { SPLIT_NAMES, type DataSet } from './dataset.js';
import { RATIO_TO_WARN_OF } from './sampling/class-weights.js';
import { countClasses } from './stats.js';

/** What somebody should know of a data set before training on it, in sentences. */
export function dataWarnings(data: DataSet): string[] {
  const warnings: string[] = [];
  const counts = countClasses(data);
  const { classes } = data;
  if (data.splits.val.count === 0) warnings.push('no validation images: training needs them to choose the best epoch');
  if (data.splits.test.count === 0) warnings.push('no test images');
  for (const split of SPLIT_NAMES) {
    if (data.splits[split].count === 0) continue;
    const empty = classes.filter((_, k) => counts[split][k] === 0);
    if (empty.length > 0) warnings.push(`no ${split} image of ${empty.join(', ')}`);
  }
  const present = counts.train.filter(count => count > 0);
  const most = Math.max(...present);
  const least = Math.min(...present);
  if (most > RATIO_TO_WARN_OF * least) {
    const name = (count: number) => classes[counts.train.indexOf(count)]!;
    warnings.push(
      `${name(most)} has ${(most / least).toFixed(1)} times as many training images as ${name(least)}: ` +
        'accuracy says little of the rarer class; see --class-weights and --sampler',
    );
  }
  return warnings;
}
