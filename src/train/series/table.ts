import { FIGURES, type Figure, type SeriesSummary, type Statistic } from './summary.js';

const titles: Record<Figure, string> = {
  bestValAccuracy: 'best val acc',
  bestValLoss: 'its val loss',
  testAccuracy: 'test acc',
  testLoss: 'test loss',
};

const isAccuracy = (key: Figure) => key === 'bestValAccuracy' || key === 'testAccuracy';
const show = (key: Figure, value: number) => (isAccuracy(key) ? (100 * value).toFixed(2) : value.toFixed(4));

/** Runs, their mean ± standard deviation, and of repeats the 95 % interval of the mean; the head comes first. */
export function seriesTable({ kind, runs, statistics }: SeriesSummary): string[][] {
  const rowOf = (name: string, cell: (key: Figure, statistic: Statistic) => string) => [
    ...[name, '', ''],
    ...FIGURES.map(key => (statistics[key] ? cell(key, statistics[key]) : '')),
  ];
  return [
    ['run', 'epochs', 'best', ...FIGURES.map(key => `${titles[key]}${isAccuracy(key) ? ' %' : ''}`)],
    ...runs.map(run => [
      ...[run.run, String(run.epochs), String(run.bestEpoch)],
      ...FIGURES.map(key => (run[key] === undefined ? '' : show(key, run[key]))),
    ]),
    ...(runs.length < 2
      ? []
      : [rowOf('mean ± std', (key, { mean, std }) => `${show(key, mean)} ± ${show(key, std ?? NaN)}`)]),
    ...(runs.length < 2 || kind === 'folds'
      ? []
      : [rowOf('95 % of mean', (key, { interval }) => interval!.map(end => show(key, end)).join(' to '))]),
  ];
}

/** One line above the table. */
export function seriesTitle({ kind, count, runs, options, data }: SeriesSummary): string {
  const what = kind === 'folds' ? `${count} folds` : `${count} repeats from seed ${options.seed} on`;
  const rest = runs.length < count ? `; ${runs.length} of ${count} finished` : '';
  return `${options.model} on ${data.name}, ${what}${rest}`;
}

export function seriesMarkdown(summary: SeriesSummary): string {
  return `# ${seriesTitle(summary)}\n\n${markdownTable(seriesTable(summary))}\n`;
}

/** Rows of cells, the head first, as a table of Markdown; the first column is flush left. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
