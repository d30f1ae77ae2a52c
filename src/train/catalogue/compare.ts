import { csvLine } from '../../data/csv-line.js';
import { UserError } from '../../util/errors.js';
import { metricColumns } from '../metrics.js';
import type { EpochRow } from '../types.js';
import { columnOf, valueOf, type Kind, type Value } from './columns.js';
import type { RunEntry } from './entry.js';

/** One line of a comparison: what it is, and its value in each run. */
export interface ComparedRow {
  readonly name: string;
  readonly kind: Kind;
  readonly values: readonly Value[];
}

/** Runs side by side: the options in which they differ, and what came of them. */
export interface Comparison {
  readonly runs: readonly string[];
  /** Options and circumstances in which the runs differ. */
  readonly differences: readonly ComparedRow[];
  readonly results: readonly ComparedRow[];
}

/** A column of metrics.csv over the epochs. */
export interface Metric {
  readonly name: string;
  readonly key: keyof EpochRow;
  readonly kind: Kind;
}

const RESULTS = [
  ...['state', 'epochs', 'best_epoch', 'val_accuracy', 'val_loss', 'test_accuracy', 'test_loss'],
  ...['parameters', 'seconds', 'images_per_second'],
];

const CIRCUMSTANCES = ['data', 'images', 'adapter', 'facegrad'];

/**
 * The metrics of those names, of the columns of metrics.csv.
 * @throws UserError for another name
 */
export function metricsOf(names: readonly string[]): Metric[] {
  const known = metricColumns.filter(([name]) => name !== 'epoch');
  return names.map(given => {
    const name = given.replaceAll('-', '_');
    const found = known.find(([one]) => one === name);
    if (!found) {
      throw new UserError(
        `--metric ${given}: no such column of metrics.csv; there are ${known.map(([one]) => one).join(', ')}`,
      );
    }
    return { name, key: found[1], kind: name === 'lr' ? 'number' : columnOf(name).kind };
  });
}

/** Runs side by side: in what they differ, what came of it, and each metric as the last epoch left it. */
export function compareRuns(runs: readonly RunEntry[], metrics: readonly Metric[]): Comparison {
  const options = runs.map(run => run.config.options as Record<string, unknown>);
  const names = [...new Set(options.flatMap(one => Object.keys(one)))];
  const row = (name: string, kind: Kind, of: (run: RunEntry) => Value) => ({ name, kind, values: runs.map(of) });
  const ofColumn = (name: string) => row(name, columnOf(name).kind, columnOf(name).of);
  const candidates = [
    ...CIRCUMSTANCES.map(ofColumn),
    ...names.map(name => {
      // Its own column already tells the data set.
      const shown = name === 'epochs' || name === 'data' ? `options.${name}` : name;
      return { name: shown, kind: 'number' as const, values: options.map(one => valueOf(one[name])) };
    }),
  ];
  return {
    runs: runs.map(({ path }) => path),
    differences: candidates.filter(({ values }) => new Set(values).size > 1),
    results: [
      ...RESULTS.map(ofColumn),
      ...metrics.map(({ name, key, kind }) => row(`last ${name}`, kind, run => run.history.at(-1)?.[key])),
    ],
  };
}

/** The comparison as CSV: a line for each row, a column for each run. */
export function comparisonCsv({ runs, differences, results }: Comparison): string {
  const lines = [...differences, ...results].map(({ name, values }) => [
    name,
    ...values.map(value => String(value ?? '')),
  ]);
  return [['', ...runs], ...lines].map(csvLine).join('');
}

/** Every epoch of every run, one a line. */
export function curvesCsv(runs: readonly RunEntry[], metrics: readonly Metric[]): string {
  const lines = runs.flatMap(({ path, history }) =>
    history.map(row => [path, String(row.epoch), ...metrics.map(({ key }) => String(row[key]))]),
  );
  return [['run', 'epoch', ...metrics.map(({ name }) => name)], ...lines].map(csvLine).join('');
}
