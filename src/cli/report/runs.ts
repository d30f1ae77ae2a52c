import {
  columnOf,
  type Column,
  type ComparedRow,
  type Comparison,
  type RunEntry,
  type Value,
} from '../../train/catalogue/index.js';
import type { TrainSummary } from '../../train/types.js';
import { epochTable } from './epochs.js';
import { bytes, columns, duration, loss, percent, rate, whole, wrap } from './format.js';

/** A line for each run. */
export function runTable(runs: readonly RunEntry[], shown: readonly Column[]): string[] {
  const align = shown.map(({ kind }) => (kind === 'text' || kind === 'time' ? 'l' : 'r')).join('');
  const rows = runs.map(run =>
    shown.map(({ name, kind, of }) => {
      // How far the run is to go says more than a second column would.
      if (name === 'epochs') return `${of(run)}/${run.config.options.epochs}`;
      return cell(kind, of(run));
    }),
  );
  return columns([shown.map(({ name }) => HEADS[name] ?? name), ...rows], align);
}

const HEADS: Record<string, string> = {
  ...{ val_accuracy: 'val acc', val_loss: 'val loss', test_accuracy: 'test acc', test_loss: 'test loss' },
  ...{ train_accuracy: 'train acc', train_loss: 'train loss', best_epoch: 'best epoch' },
  ...{ seconds: 'time', images_per_second: 'img/s' },
};

/** Runs side by side: what tells them apart, then what came of them. */
export function comparisonLines({ runs, differences, results }: Comparison): string[] {
  const line = ({ name, kind, values }: ComparedRow) => [name, ...values.map(value => cell(kind, value))];
  const head = ['', ...runs];
  const none = [['(the options are the same)']];
  const blank = runs.map(() => '');
  const differing = differences.length > 0 ? differences.map(line) : none;
  return columns([head, ...differing, ['', ...blank], ...results.map(line)], 'lr');
}

/** All that a run's small files tell. */
export function runLines(run: RunEntry, files: readonly { name: string; size: number }[]): string[] {
  const { config, history, summary, fault } = run;
  const { train, val, test, fingerprint } = config.data;
  const { mean, std, imagenet, tuning } = config;
  const of = (name: string) => cell(columnOf(name).kind, columnOf(name).of(run));
  const normalisation = `mean ${mean.join(', ')}, std ${std.join(', ')}${imagenet ? "; the network applies ImageNet's" : ''}`;
  const facts = [
    ['state', run.state],
    ['created', `${of('created')} by facegrad ${config.facegrad}`],
    ['adapter', config.adapter],
    ['data', `${config.data.name}: ${whole(train)} training, ${whole(val)} validation, ${whole(test)} test images`],
    ['fingerprint', fingerprint],
    ['classes', config.classes.join(', ')],
    ['pixels', normalisation],
    ...(tuning ? [['kernels', `${Object.keys(tuning).length} classes of shapes with kernels of their own`]] : []),
  ];
  const results = [
    'epochs',
    'best_epoch',
    'val_accuracy',
    'val_loss',
    'test_accuracy',
    'test_loss',
    'parameters',
    'seconds',
  ];
  const figures = [...results, 'images_per_second'].map(name => [HEADS[name] ?? name, of(name)]);
  const options = Object.entries(config.options).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  return [
    `${run.path}: ${config.options.model}`,
    ...(fault === undefined ? [] : wrap(`damaged: ${fault}`)),
    ...section('', facts),
    ...section('Options', options),
    ...section(
      'Results',
      figures.filter(([, value]) => value !== NONE),
    ),
    ...section('Recall of each class', recallRows(summary)),
    ...(history.length > 0 ? ['', 'Epochs', ...epochTable(history)] : []),
    ...section(
      'Files',
      files.map(({ name, size }) => [name, bytes(size)]),
    ),
  ];
}

const NONE = '-';

/** A column for each split on which the best weights were asked; no rows where the run is older than these figures. */
function recallRows(summary: TrainSummary | undefined): string[][] {
  const { bestValRecall: val, testRecall: test } = summary ?? {};
  if (!val) return [];
  const shown = (share: number | null | undefined) => cell('fraction', share ?? undefined);
  return [
    ['', 'val', ...(test ? ['test'] : [])],
    ...Object.keys(val).map(name => [name, shown(val[name]), ...(test ? [shown(test[name])] : [])]),
  ];
}

function section(heading: string, rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return ['', ...(heading === '' ? [] : [heading]), ...columns(rows, 'l').map(line => `  ${line}`)];
}

function cell(kind: Column['kind'], value: Value): string {
  if (value === undefined) return NONE;
  if (typeof value === 'string') return kind === 'time' ? localTime(value) : value;
  switch (kind) {
    case 'fraction':
      return percent(value);
    case 'loss':
      return loss(value);
    case 'count':
      return whole(value);
    case 'seconds':
      return duration(value);
    case 'rate':
      return rate(value);
    case 'number':
    case 'text':
    case 'time':
      return String(Number(value.toPrecision(6)));
  }
}

/** `2026-03-31 14:05`, where the reader is. */
function localTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const two = (n: number) => String(n).padStart(2, '0');
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}
