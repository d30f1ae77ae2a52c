import type { DataSet, SplitName } from '../../data/dataset.js';
import { groupedBars } from '../../plots/index.js';
import type { QuartileScores } from '../errors/pixels.js';
import { COLUMNS, gallery } from './gallery.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { LEVEL, decimal, integer, percent, percentInterval, wholePercent } from './text.js';

/** Pairs of classes that are shown. */
const PAIRS = 6;

/** Where the network goes wrong. */
export async function errorSections({ assessment, data }: RunMaterial): Promise<ReportSection[]> {
  const { errors, classes, split } = assessment;
  const picture = (image: number) => pictureOf(data, split, image);
  const { pairs, mistakes, brightness, contrast, distribution, annotators, duplicates } = errors;
  const sections: ReportSection[] = [];
  if (pairs.length > 0) {
    sections.push({
      heading: 'Confused pairs',
      figures: [
        {
          name: 'confused-pairs',
          svg: gallery(
            'The surest of the most frequent pairs',
            data,
            pairs.slice(0, PAIRS).map(({ truth, predicted, images: chosen }) => ({
              label: `${classes[truth]!} as ${classes[predicted]!}`,
              shown: chosen.slice(0, COLUMNS).map(image => ({ picture: picture(image) })),
            })),
          ),
        },
      ],
      table: [
        ['true class', 'taken for', 'images', 'share of the class'],
        ...pairs.map(({ truth, predicted, count, share }) => [
          ...[classes[truth]!, classes[predicted]!, integer(count), percent(share)],
        ]),
      ],
    });
    sections.push({
      heading: 'Surest mistakes',
      text: 'Under each image its true class, then what it was taken for. Many of these are disputable labels or no faces at all: look before you blame the network.',
      figures: [
        {
          name: 'surest-mistakes',
          svg: gallery('Mistakes of the highest confidence', data, [
            {
              label: '',
              shown: mistakes.map(({ image, truth, predicted }) => ({
                picture: picture(image),
                caption: [classes[truth]!, `as ${classes[predicted]!}`],
              })),
            },
          ]),
        },
      ],
      table: [
        ['image', 'true class', 'taken for', 'confidence', 'probability of the truth'],
        ...mistakes.map(({ image, name, truth, predicted, confidence, truthProbability }) => [
          ...[name ?? `${split} ${image}`, classes[truth]!, classes[predicted]!],
          ...[percent(confidence), percent(truthProbability)],
        ]),
      ],
    });
  }
  sections.push({
    heading: 'Light, contrast and frequencies',
    figures: [
      { name: 'brightness', svg: await quartileBars('Accuracy by brightness', 'darkest', 'brightest', brightness) },
      { name: 'contrast', svg: await quartileBars('Accuracy by contrast', 'flattest', 'strongest', contrast) },
      {
        name: 'distribution',
        svg: await groupedBars(
          'Classes in truth and prediction',
          distribution.flatMap(({ name, truth, predicted }) => [
            { category: name, series: 'truth', value: truth },
            { category: name, series: 'predicted', value: predicted },
          ]),
          'share of images',
        ),
      },
    ],
  });
  if (duplicates.length > 0) {
    sections.push({
      heading: 'Without copies',
      text: 'Images that also stand in a split by which the run learnt or chose, and second copies within this one, are left out.',
      table: [
        ['copies', 'seen before', 'repeated', 'left', 'accuracy', LEVEL, 'macro F1', 'loss'],
        ...duplicates.map(({ kind, seen, repeated, deduplicated: left }) => [
          ...[kind, integer(seen.count), integer(repeated), integer(left.count), percent(left.accuracy)],
          ...[percentInterval(left.accuracyInterval), decimal(left.macroF1, 3), decimal(left.loss)],
        ]),
      ],
    });
  }
  if (annotators) {
    sections.push({
      heading: 'Annotators',
      text:
        `Of an image's annotators ${percent(annotators.withPrediction)} chose what the network says, ` +
        `${percent(annotators.withLabel)} what the label says, in the mean of ${integer(annotators.count)} images. The network's ` +
        `answer is their first choice on ${percent(annotators.predictionIsFirst)} of the images, the label on ` +
        `${percent(annotators.labelIsFirst)}. Images on which they agree are easier:`,
      table: [
        ['most agree', 'images', 'accuracy', LEVEL],
        ...annotators.levels.map(({ from, to, count, accuracy, accuracyInterval }) => [
          from === 0
            ? `below ${wholePercent(to)}`
            : to === 1
              ? `${wholePercent(from)} or more`
              : `${wholePercent(from)} to ${wholePercent(to)}`,
          ...[integer(count), percent(accuracy), percentInterval(accuracyInterval)],
        ]),
      ],
    });
  }
  return sections;
}

function quartileBars(
  title: string,
  first: string,
  last: string,
  quartiles: readonly QuartileScores[],
): Promise<string> {
  const bars = quartiles.flatMap(({ from, to, accuracy, accuracyInterval }, i) => {
    if (accuracy === null) return [];
    const name = i === 0 ? `${first} ` : i === quartiles.length - 1 ? `${last} ` : '';
    const category = `${name}${from.toFixed(0)}–${to.toFixed(0)}`;
    const whiskers = accuracyInterval ? { low: accuracyInterval.low, high: accuracyInterval.high } : {};
    return [{ category, series: 'accuracy', value: accuracy, ...whiskers }];
  });
  return groupedBars(title, bars, 'accuracy', { domain: [0, 1] });
}

/** One image of a split, (H,W,C) bytes. */
function pictureOf({ height, width, channels, splits }: DataSet, split: SplitName, image: number): Uint8Array {
  const size = height * width * channels;
  return splits[split].images.subarray(image * size, (image + 1) * size);
}
