import type { DataSet, Split } from '../../data/dataset.js';
import { quantile } from '../../util/statistics.js';
import type { Answers } from './answers.js';
import { scoreSubset, type SubsetScores } from './subset.js';

/** A quarter of a split's images by a property of their pixels. */
export interface QuartileScores extends SubsetScores {
  /** Lowest and highest value, in grey levels from 0 to 255. */
  readonly from: number;
  readonly to: number;
}

/** Mean and population standard deviation of each image's grey levels: its brightness and its contrast. */
export function greyMoments(
  { count, images }: Pick<Split, 'count' | 'images'>,
  { height, width, channels }: Pick<DataSet, 'height' | 'width' | 'channels'>,
): { readonly brightness: Float64Array; readonly contrast: Float64Array } {
  // ITU-R BT.601 luma, as in an audit; of two channels the first.
  const weights = channels < 3 ? [1] : [0.299, 0.587, 0.114];
  const pixels = height * width;
  const brightness = new Float64Array(count);
  const contrast = new Float64Array(count);
  const grey = new Float64Array(pixels);
  for (let n = 0; n < count; n++) {
    let sum = 0;
    for (let p = 0; p < pixels; p++) {
      const at = (n * pixels + p) * channels;
      let value = 0;
      for (let c = 0; c < weights.length; c++) value += weights[c]! * images[at + c]!;
      grey[p] = value;
      sum += value;
    }
    const mean = sum / pixels;
    let squares = 0;
    for (let p = 0; p < pixels; p++) squares += (grey[p]! - mean) ** 2;
    brightness[n] = mean;
    contrast[n] = Math.sqrt(squares / pixels);
  }
  return { brightness, contrast };
}

/**
 * Scores in the four quarters of the images by `values` (count), from the lowest. Equal values stay together, so that
 * quarters may differ in size, and with few images one may be empty and missing.
 */
export function scoreQuartiles(answers: Answers, values: Float64Array): QuartileScores[] {
  const sorted = [...values].sort((a, b) => a - b);
  const edges = [0.25, 0.5, 0.75].map(share => quantile(sorted, share));
  const quarters: number[][] = [[], [], [], []];
  values.forEach((value, i) => quarters[edges.filter(edge => value > edge).length]!.push(i));
  return quarters
    .filter(images => images.length > 0)
    .map(images => {
      const inside = images.map(i => values[i]!);
      const [from, to] = inside.reduce(
        ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
        [Infinity, -Infinity],
      );
      return { from, to, ...scoreSubset(answers, images) };
    });
}
