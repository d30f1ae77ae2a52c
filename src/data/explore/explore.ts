import {
  byteHistogram,
  drawImageGrid,
  htmlPage,
  pie,
  pngFile,
  stackedBars,
  svgFile,
  type ImageGrid,
} from '../../plots/index.js';
import { UserError } from '../../util/errors.js';
import { RandomStream } from '../../util/random.js';
import { SPLIT_NAMES, titleOf, type DataSet, type SplitName } from '../dataset.js';
import { averageFaces, dataStatistics, type DataStatistics } from '../stats.js';
import { DATA_STREAM } from '../streams.js';
import { dataWarnings } from '../warnings.js';

export interface ExploreOptions {
  /** Of which split faces are shown and averaged. */
  readonly split: SplitName;
  /** Samples of each class. */
  readonly count: number;
  /** Which samples. */
  readonly seed: number;
}

/** A figure as an SVG element, and the name of its files. */
interface Figure {
  readonly name: string;
  readonly svg: string;
}

/** About the side of an image in the figures, in pixels. */
const SHOWN = 72;

/**
 * The files of an exploration by name: each figure as SVG and PNG, and `index.html`, which holds all of them and needs
 * no other file.
 *
 * @throws {UserError} when the split has no images
 */
export async function exploreDataSet(
  data: DataSet,
  options: ExploreOptions,
): Promise<Map<string, string | Uint8Array>> {
  const { split } = options;
  if (data.splits[split].count === 0) throw new UserError(`${data.name} has no ${split} images to show`);
  const statistics = dataStatistics(data);
  const figures = {
    bars: { name: 'class-distribution', svg: await drawCounts(data, statistics) },
    shares: { name: 'class-shares', svg: await drawShares(data, statistics) },
    pixels: { name: 'pixel-intensity', svg: await drawIntensities(data, statistics) },
    faces: { name: 'average-faces', svg: drawAverages(data, split) },
    samples: { name: 'samples', svg: drawSamples(data, options) },
  } satisfies Record<string, Figure>;
  const files = new Map<string, string | Uint8Array>();
  for (const { name, svg } of Object.values(figures)) {
    files.set(`${name}.svg`, svgFile(svg)).set(`${name}.png`, pngFile(svg));
  }
  const { bars, shares, pixels, faces, samples } = figures;
  const page = htmlPage(titleOf(data), introduction(data), [
    { heading: 'Classes', figures: [bars.svg, shares.svg], table: countTable(data, statistics) },
    { heading: 'Pixels', figures: [pixels.svg], table: pixelTable(data, statistics) },
    { heading: 'Faces', figures: [faces.svg, samples.svg] },
  ]);
  return files.set('index.html', page);
}

function drawCounts(data: DataSet, { counts }: DataStatistics): Promise<string> {
  const series = SPLIT_NAMES.filter(name => data.splits[name].count > 0).map(name => ({
    name,
    shares: data.classes.map((category, k) => ({ category, count: counts[name][k]! })),
  }));
  return stackedBars('Images of each class', series, 'images');
}

function drawShares(data: DataSet, { counts }: DataStatistics): Promise<string> {
  return pie(
    'Share of each class in all splits',
    data.classes.map((category, k) => ({
      category,
      count: SPLIT_NAMES.reduce((sum, name) => sum + counts[name][k]!, 0),
    })),
  );
}

function drawIntensities({ channels }: DataSet, { histograms }: DataStatistics): Promise<string> {
  const names = channels === 3 ? ['red', 'green', 'blue'] : histograms.map((_, c) => `channel ${c + 1}`);
  const colours = channels === 3 ? ['#e0433a', '#3a9e4b', '#3f78d8'] : histograms.map(() => '#808080');
  const series = histograms.map((histogram, c) => ({ name: names[c]!, colour: colours[c]!, histogram }));
  return byteHistogram('Pixel intensity in all splits', series, 'value, from black to white');
}

/** What all grids of a data set's images have in common. */
function gridOf({ height, width, channels }: DataSet): Omit<ImageGrid, 'title' | 'rows'> {
  return { height, width, channels, scale: Math.max(1, Math.round(SHOWN / Math.max(height, width))) };
}

function drawAverages(data: DataSet, split: SplitName): string {
  const faces = averageFaces(data, split).flatMap((image, k) => (image ? [{ image, name: data.classes[k]! }] : []));
  return drawImageGrid({
    ...gridOf(data),
    title: `Average ${split} image of each class`,
    rows: [{ label: '', images: faces.map(({ image }) => image) }],
    captions: faces.map(({ name }) => name),
  });
}

function drawSamples(data: DataSet, { split, count, seed }: ExploreOptions): string {
  const { images, labels, count: available } = data.splits[split];
  const size = data.height * data.width * data.channels;
  const order = [...new RandomStream(seed, DATA_STREAM.sheet).permutation(available)];
  const rows = data.classes.map((label, k) => {
    const chosen = order.filter(i => labels[i] === k).slice(0, count);
    return { label, images: chosen.map(i => images.subarray(i * size, (i + 1) * size)) };
  });
  return drawImageGrid({ ...gridOf(data), title: `Samples of the ${split} split`, rows });
}

function introduction(data: DataSet): string {
  const counts = SPLIT_NAMES.map(name => `${data.splits[name].count.toLocaleString('en')} ${name}`).join(', ');
  const kind = data.channels === 1 ? 'grey' : data.channels === 3 ? 'colour' : `${data.channels} channels`;
  return [
    `${counts} images of ${data.width} x ${data.height} pixels, ${kind}; fingerprint ${data.fingerprint}`,
    ...dataWarnings(data),
  ].join('\n');
}

function countTable(data: DataSet, { counts }: DataStatistics): string[][] {
  const cell = (value: number, total: number) =>
    total === 0 ? '0' : `${value.toLocaleString('en')} (${((100 * value) / total).toFixed(1)} %)`;
  const row = (name: string, k: number) => [
    name,
    ...SPLIT_NAMES.map(split => cell(counts[split][k]!, data.splits[split].count)),
  ];
  return [
    ['', ...SPLIT_NAMES],
    ...data.classes.map(row),
    ['all', ...SPLIT_NAMES.map(split => data.splits[split].count.toLocaleString('en'))],
  ];
}

function pixelTable({ classes }: DataSet, { pixels, classPixels }: DataStatistics): string[][] {
  const cell = (values: readonly number[]) =>
    values.map(value => (Number.isNaN(value) ? '-' : value.toFixed(4))).join(' ');
  return [
    ['of pixel / 255', 'mean', 'standard deviation'],
    ...classes.map((name, k) => [name, cell(classPixels[k]!.mean), cell(classPixels[k]!.std)]),
    ['all', cell(pixels.mean), cell(pixels.std)],
  ];
}
