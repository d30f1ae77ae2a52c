import { SPLIT_NAMES, titleOf, type DataSet } from '../../data/dataset.js';
import type { DataStatistics, PixelSummary } from '../../data/stats.js';
import { columns, whole } from './format.js';

/** What `facegrad data info` found. */
export interface DataInfo {
  data: DataSet;
  statistics: DataStatistics;
  warnings: readonly string[];
}

export function infoLines({ data, statistics, warnings }: DataInfo): string[] {
  const { counts, pixels, classPixels } = statistics;
  const colour = data.channels === 1 ? 'grey' : data.channels === 3 ? 'colour' : `${data.channels} channels`;
  const ratio = (value: number, total: number) => (total === 0 ? '' : `${((100 * value) / total).toFixed(1)} %`);
  const countRows = data.classes.map((name, k) => [
    name,
    ...SPLIT_NAMES.flatMap(split => [whole(counts[split][k]!), ratio(counts[split][k]!, data.splits[split].count)]),
  ]);
  const totals = ['all', ...SPLIT_NAMES.flatMap(split => [whole(data.splits[split].count), ''])];
  const pixelRow = (name: string, { mean, std }: PixelSummary) => [name, perChannel(mean), perChannel(std)];
  return [
    `${titleOf(data)}: ${data.width}x${data.height}, ${colour}, ${data.classes.length} classes`,
    `fingerprint ${data.fingerprint}`,
    '',
    ...columns([['', ...SPLIT_NAMES.flatMap(split => [split, ''])], ...countRows, totals], 'lr'),
    '',
    'Pixels / 255, all splits',
    ...columns(
      [['', 'mean', 'std'], ...data.classes.map((name, k) => pixelRow(name, classPixels[k]!)), pixelRow('all', pixels)],
      'lr',
    ),
    ...warnings.flatMap((warning, i) => [...(i === 0 ? [''] : []), `warning: ${warning}`]),
  ];
}

export function infoJson({ data, statistics, warnings }: DataInfo): object {
  const { name, labelling, classes, channels, height, width, fingerprint, splits } = data;
  const { counts, pixels, classPixels } = statistics;
  return {
    ...{ name, ...(labelling === undefined ? {} : { labelling }), classes, channels, height, width, fingerprint },
    splits: Object.fromEntries(SPLIT_NAMES.map(split => [split, splits[split].count])),
    ...{ counts, pixels, classPixels, warnings },
  };
}

function perChannel(values: readonly number[]): string {
  return values.map(value => (Number.isNaN(value) ? '-' : value.toFixed(4))).join(' ');
}
