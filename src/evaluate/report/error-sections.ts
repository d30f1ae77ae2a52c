import type { DataSet, Split } from '../../data/dataset.js';
import { drawImageGrid, groupedBars } from '../../plots/index.js';
import type { QuartileScores } from '../errors/pixels.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { decimal, integer, interval, percent } from './text.js';

/** Images of a row in galleries, and pairs of classes that are shown. */
const COLUMNS = 8;
const PAIRS = 6;
/** About the size in which an image is shown, in CSS pixels. */
const SHOWN = 96;

/** Where the network goes wrong. */
export async function errorSections({ assessment, data }: RunMaterial): Promise<ReportSection[]> {
  const { errors, classes, split } = assessment;
  const images = data.splits[split];
  const { pairs, mistakes, brightness, contrast, distribution, annotators, duplicates } = errors;
  const sections: ReportSection[] = [];
  if (pairs.length > 0) {
    sections.push({
      heading: 'Confused pairs',
      figures: [
        {
          name: 'confused-pairs',
          svg: gallery(
            `Taken for something else, the surest first`,
            pairs.slice(0, PAIRS).map(({ truth, predicted, images: chosen }) => ({
              label: `${classes[truth]!} as ${classes[predicted]!}`,
              chosen: chosen.slice(0, COLUMNS),
            })),
            data,
            images,
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
    const rows = Array.from({ length: Math.ceil(mistakes.length / COLUMNS) }, (_, row) =>
      mistakes.slice(row * COLUMNS, (row + 1) * COLUMNS),
    );
    sections.push({
      heading: 'Surest mistakes',
      text: 'Many of these are disputable labels or no faces at all: look before you blame the network.',
      figures: [
        {
          name: 'surest-mistakes',
          svg: gallery(
            'Mistakes of the highest confidence',
            rows.map(row => ({ label: percent(row[0]!.confidence), chosen: row.map(({ image }) => image) })),
            data,
            images,
          ),
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
        ['copies', 'seen before', 'repeated', 'left', 'accuracy', '95 %', 'macro F1', 'loss'],
        ...duplicates.map(({ kind, seen, repeated, deduplicated: left }) => [
          ...[kind, integer(seen.count), integer(repeated), integer(left.count), percent(left.accuracy)],
          ...[interval(left.accuracyInterval), decimal(left.macroF1, 3), decimal(left.loss)],
        ]),
      ],
    });
  }
  if (annotators) {
    sections.push({
      heading: 'Annotators',
      text:
        `${percent(annotators.withPrediction)} of the annotators chose what the network says, ` +
        `${percent(annotators.withLabel)} what the label says.`,
      table: [
        ['agreement of the annotators', 'images', 'accuracy', '95 %'],
        ...annotators.levels.map(({ level, from, to, count, accuracy, accuracyInterval }) => [
          `${level} (${percent(from)} to ${percent(to)})`,
          ...[integer(count), percent(accuracy), interval(accuracyInterval)],
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

function gallery(
  title: string,
  rows: readonly { readonly label: string; readonly chosen: readonly number[] }[],
  { height, width, channels }: DataSet,
  { images }: Split,
): string {
  const size = height * width * channels;
  return drawImageGrid({
    ...{ title, height, width, channels, scale: Math.max(1, Math.round(SHOWN / height)) },
    rows: rows.map(({ label, chosen }) => ({
      label,
      images: chosen.map(image => images.subarray(image * size, (image + 1) * size)),
    })),
  });
}
