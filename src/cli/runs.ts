import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Metric, RunEntry } from '../train/catalogue/index.js';
import { UserError } from '../util/errors.js';
import { collect, integer, jsonDescription } from './options.js';

interface Flags {
  root: string;
  json?: true;
  csv?: true;
}

interface ListFlags extends Flags {
  filter?: string[];
  sort: string;
  columns?: string;
  limit?: number;
}

interface CompareFlags extends Flags {
  metric: string;
  out?: string;
}

const DEFAULT_COLUMNS = 'run,model,data,epochs,val_accuracy,test_accuracy,state,created,seconds,images_per_second';

export function runsCommand(): Command {
  const command = new Command('runs')
    .summary('list, filter, sort and compare runs')
    .description(
      'List the runs in folders: how far each came, its best validation accuracy, and its result on the test split. What is no ' +
        'run, or a damaged one, is told on standard error.',
    )
    .enablePositionalOptions()
    .argument('[folders...]', 'runs, or folders of runs (default: what --root names)')
    .addOption(rootOption())
    .option(
      '--filter <condition>',
      'only runs that meet it: model=mini-*, val_accuracy>60%, lr<1e-3, created>=2026-03; may be given several times',
      collect,
    )
    .option('--sort <columns>', 'by which columns, as in val_accuracy:desc,seconds', 'created:desc')
    .option('--columns <names>', 'which columns, between commas; +lr,+optimizer adds to those that are shown anyway')
    .option('--limit <n>', 'at most n runs, the first in that order', integer(1))
    .addOption(csvOption())
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Columns: run, model, data, state, created, epochs, best_epoch, train_loss,
train_accuracy, val_loss, val_accuracy (of the best epoch), test_loss,
test_accuracy, seconds, images_per_second, parameters, images, adapter,
facegrad, and any option of training, such as lr, optimizer, batch_size or
augment.

Examples:
  facegrad runs --filter state=finished --sort val_accuracy:desc --limit 5
  facegrad runs experiments --columns +lr,+batch_size --csv
  facegrad runs compare runs/a runs/b --out comparison
  facegrad runs show runs/a`,
    )
    .action(listRuns);
  command
    .command('compare')
    .summary('runs side by side, with their curves')
    .description(
      'Show in which options runs differ and what came of them, side by side; with --out also as CSV, with the curves of all ' +
        'runs in one chart for each metric (SVG and PNG).',
    )
    .argument('<runs...>', 'folders of two runs or more')
    .addOption(rootOption())
    .option('--metric <names>', 'columns of metrics.csv, between commas', 'val_accuracy,val_loss')
    .option('--out <folder>', 'where comparison.csv, curves.csv and the charts go')
    .addOption(csvOption())
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad runs compare runs/a runs/b --metric val_accuracy,lr --out comparison
  facegrad runs compare a b c --root experiments --csv`,
    )
    .action(compare);
  command
    .command('show')
    .summary('everything about one run')
    .description('Show the options, the data, the results, the epochs and the files of one run.')
    .argument('<run>', 'its folder')
    .addOption(rootOption())
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad runs show runs/a
  facegrad runs show a --root experiments --json`,
    )
    .action(show);
  return command;
}

function rootOption(): Option {
  return new Option('--root <folder>', 'where runs lie that are not given by their path').default('runs');
}

function csvOption(): Option {
  return new Option('--csv', 'CSV on standard output').conflicts('json');
}

async function listRuns(folders: readonly string[], flags: ListFlags): Promise<void> {
  const { columnNames, columnOf, findRuns, locate, parseFilter, sortRuns } =
    await import('../train/catalogue/index.js');
  const columns = columnsOf(flags.columns).map(columnOf);
  const filters = (flags.filter ?? []).map(parseFilter);
  const { kindOf } = await import('../train/files.js');
  const isNew = folders.length === 0 && (await kindOf(flags.root)) === undefined;
  const places = isNew ? [] : folders.length === 0 ? [flags.root] : await locateAll(folders, flags.root, locate);
  const { runs, faults } = await findRuns(places);
  tell(faults);
  if (isNew) console.error(`there are no runs in ${flags.root}; facegrad train begins one`);
  const met = sortRuns(
    runs.filter(run => filters.every(meets => meets(run))),
    flags.sort,
  ).slice(0, flags.limit);
  if (flags.json) {
    const all = flags.columns === undefined ? columnNames.map(columnOf) : columns;
    const values = (run: RunEntry) => Object.fromEntries(all.map(({ name, of }) => [name, of(run)]));
    const options = (run: RunEntry) => (flags.columns === undefined ? { options: run.config.options } : {});
    console.log(JSON.stringify(met.map(run => ({ ...values(run), ...options(run) }))));
  } else if (flags.csv) {
    const { csvLine } = await import('../data/csv-line.js');
    const lines = met.map(run => columns.map(({ of }) => String(of(run) ?? '')));
    process.stdout.write([columns.map(({ name }) => name), ...lines].map(csvLine).join(''));
  } else if (met.length > 0) {
    const { runTable } = await import('./report/runs.js');
    console.log(runTable(met, columns).join('\n'));
  } else if (runs.length > 0) {
    console.error(`none of ${runs.length} runs meets every --filter`);
  }
}

/** Names of columns; those with a plus are added to the default. */
function columnsOf(given: string | undefined): string[] {
  const names = (given ?? DEFAULT_COLUMNS).split(',').map(name => name.trim());
  if (!names.some(name => name.startsWith('+'))) return names;
  if (!names.every(name => name.startsWith('+'))) {
    throw new UserError(`--columns ${given!}: a plus before every name, or before none`);
  }
  return [...DEFAULT_COLUMNS.split(','), ...names.map(name => name.slice(1))];
}

async function compare(names: readonly string[], flags: CompareFlags): Promise<void> {
  if (names.length < 2) throw new UserError('runs compare needs two runs or more');
  const { compareRuns, comparisonCsv, findRuns, locate, metricsOf } = await import('../train/catalogue/index.js');
  const metrics = metricsOf(flags.metric.split(',').map(name => name.trim()));
  const { runs, faults } = await findRuns(await locateAll(names, flags.root, locate));
  tell(faults);
  if (runs.length < 2)
    throw new UserError(`there is nothing to compare: ${runs.length} of ${names.length} can be read`);
  const comparison = compareRuns(runs, metrics);
  if (flags.out !== undefined) await writeComparison(flags.out, runs, metrics, comparisonCsv(comparison));
  if (flags.json) {
    console.log(JSON.stringify({ ...comparison, ...(flags.out === undefined ? {} : { out: flags.out }) }));
  } else if (flags.csv) {
    process.stdout.write(comparisonCsv(comparison));
  } else {
    const { comparisonLines } = await import('./report/runs.js');
    console.log(comparisonLines(comparison).join('\n'));
    if (flags.out !== undefined) console.log(`\ncurves: ${join(flags.out, `${metrics[0]!.name}.png`)} …, curves.csv`);
  }
}

async function writeComparison(out: string, runs: RunEntry[], metrics: Metric[], csv: string): Promise<void> {
  const { curvesCsv } = await import('../train/catalogue/index.js');
  const { epochCurves, pngFile, svgFile } = await import('../plots/index.js');
  const { createFolder, writeFileAtomic } = await import('../train/files.js');
  await createFolder(resolve(out));
  await writeFileAtomic(join(out, 'comparison.csv'), csv);
  await writeFileAtomic(join(out, 'curves.csv'), curvesCsv(runs, metrics));
  for (const { name, key, kind } of metrics) {
    const series = runs.map(({ path, history }) => ({
      name: path,
      points: history.map(row => ({ epoch: row.epoch, value: row[key] })),
    }));
    const title = name.replaceAll('_', ' ');
    const chart = await epochCurves(title, series, title, kind === 'fraction' ? '.0%' : undefined);
    await writeFileAtomic(join(out, `${name}.svg`), svgFile(chart));
    await writeFileAtomic(join(out, `${name}.png`), pngFile(chart));
  }
}

async function show(name: string, { root, json }: Flags): Promise<void> {
  const { filesOf, locate, readRun } = await import('../train/catalogue/index.js');
  const run = await readRun(await locate(name, root));
  const files = await filesOf(run.path);
  if (json) {
    console.log(JSON.stringify({ ...run, files }));
    return;
  }
  const { runLines } = await import('./report/runs.js');
  console.log(runLines(run, files).join('\n'));
}

async function locateAll(
  names: readonly string[],
  root: string,
  locate: (name: string, root: string) => Promise<string>,
): Promise<string[]> {
  return Promise.all(names.map(name => locate(name, root)));
}

function tell(faults: readonly string[]): void {
  for (const fault of faults) console.error(`warning: ${fault}`);
}
