import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ExperimentComparison } from '../evaluate/experiments/index.js';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import { exitCodes } from './errors.js';
import {
  addGpuOptions,
  collect,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  precisionOption,
  type GpuOptions,
} from './options.js';
import { Interruption } from './signals.js';
import { packageVersion } from './version.js';

interface Flags extends GpuOptions, DataFlags, Partial<Pick<TrainOptions, 'epochs' | 'limit' | 'precision'>> {
  recipes?: string[];
  data?: string;
  exclude?: string;
  set?: string[];
  seeds?: number[];
  out: string;
  autotune?: boolean;
  tensorboard: boolean;
  csv?: true;
  json?: true;
}

export function compareCommand(exitWith: (code: number) => void): Command {
  const command = new Command('compare')
    .summary('train several recipes, and compare them with their sources')
    .description(
      'Train recipes one after the other, evaluate each on validation and test images, and print what came of them beside what ' +
        'their sources report. The same command goes on where it was stopped; a recipe that fails does not stop the others.',
    )
    .option('--recipes <names...>', "names of recipes, patterns such as 'system-a/*', or .yaml files")
    .option('--data <path>', `${dataDescription} (default: each recipe's own)`)
    .addOption(excludeOption())
    .option(
      '--set <field=value>',
      'change a field of every recipe, such as training.batch-size=32; may be given several times',
      collect,
    )
    .option('--epochs <n>', "passes over the training split (default: each recipe's own)", integer(1))
    .option('--limit <n>', 'use at most n images of each split', integer(1))
    .option('--seeds <numbers>', "train each recipe from these seeds (default: the recipe's own alone)", parseSeeds)
    .addOption(precisionOption("each recipe's own, else f32"))
    .option('--out <folder>', 'where the runs and the comparison go', 'comparison')
    .option('--autotune', 'look for faster kernels also on a software adapter')
    .option('--no-autotune', 'take the table of default kernels')
    .option('--no-tensorboard', 'write no events for TensorBoard into the run folders')
    .addOption(new Option('--csv', 'CSV on standard output, a line for each run').conflicts('json'))
    .option('--json', jsonDescription);
  addDataOptions(command);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad compare --recipes 'system-a/*' --data fer2013.csv --out system-a
  facegrad compare --recipes system-a/simple-cnn mine.yaml --data fer2013.csv \\
    --epochs 5 --seeds 1,2,3`,
  );
  return command.action(async (flags: Flags) => {
    exitWith(await runCompare(flags));
  });
}

/** Gives the exit code. */
async function runCompare(flags: Flags): Promise<number> {
  const { recipes, set, seeds, out, autotune, tensorboard, adapter, backend, csv, json } = flags;
  if (!recipes) throw new UserError("compare needs --recipes <names...>, such as --recipes 'system-a/*'");
  const { planExperiments, runExperiments } = await import('../evaluate/experiments/index.js');
  const plan = await planExperiments({ recipes, set, seeds, out, given: await givenOf(flags) });
  const { findModel } = await import('./find-model.js');
  for (const { options } of plan.experiments) findModel(options);
  const { loadRunDataVisibly } = await import('./load-data.js');
  const { BriefReporter } = await import('./report/brief.js');
  const note = (text: string) => {
    console.error(text);
  };
  const interruption = new Interruption(() => {
    note('stopping after this step and saving; once more stops at once, without saving');
  });
  try {
    const comparison = await runExperiments(plan, out, {
      ...{ adapter, backend, autotune, tensorboard, note, signal: interruption.signal, version: packageVersion() },
      title: titleOf(flags, recipes),
      load: loadRunDataVisibly,
      reporterFor: () => new BriefReporter(),
    });
    await show(comparison, out, { csv, json });
    if (interruption.exitCode !== undefined) {
      note('interrupted and saved; the same command goes on');
      return interruption.exitCode;
    }
    const failed = comparison.refused.length > 0 || comparison.runs.some(({ state }) => state === 'failed');
    return failed ? exitCodes.failure : exitCodes.success;
  } finally {
    interruption.dispose();
  }
}

/** What goes before the recipes' own options. */
async function givenOf(flags: Flags): Promise<Partial<TrainOptions>> {
  const { data, exclude, epochs, limit, precision } = flags;
  const paths = Object.entries({ data, exclude }).flatMap(([key, path]) =>
    path === undefined ? [] : [[key, path === 'synthetic' ? path : resolve(path)] as const],
  );
  const options = await dataFlagsOf(flags);
  return {
    ...options,
    ...(options.labels === undefined ? {} : { labels: resolve(options.labels) }),
    ...Object.fromEntries(paths),
    ...(epochs === undefined ? {} : { epochs }),
    ...(limit === undefined ? {} : { limit }),
    ...(precision === undefined ? {} : { precision }),
  };
}

function titleOf({ data, epochs, limit }: Flags, recipes: readonly string[]): string {
  const changed = [
    ...(epochs === undefined ? [] : [`${epochs} epochs`]),
    ...(limit === undefined ? [] : [`at most ${limit} images of each split`]),
  ];
  return [`${recipes.join(', ')} on ${data ?? 'their own data'}`, ...changed].join(', ');
}

async function show(
  comparison: ExperimentComparison,
  out: string,
  { csv, json }: { csv: true | undefined; json: true | undefined },
): Promise<void> {
  if (json) {
    console.log(JSON.stringify(comparison));
    return;
  }
  if (csv) {
    const { readFile } = await import('node:fs/promises');
    process.stdout.write(await readFile(`${out}/comparison.csv`, 'utf8'));
    return;
  }
  const { experimentsTable, TABLE_NOTE } = await import('../evaluate/experiments/index.js');
  const { columns, wrap } = await import('./report/format.js');
  const faults = [
    ...comparison.refused.map(({ recipe, error }) => `${recipe} is left out: ${error}`),
    ...comparison.runs.flatMap(({ run, error }) => (error === undefined ? [] : [`${run} failed: ${error}`])),
  ];
  const table = columns(experimentsTable(comparison.recipes), 'llr');
  console.log([...table, '', ...wrap(TABLE_NOTE, 100), ...faults, `results: ${out}`].join('\n'));
}

function parseSeeds(text: string): number[] {
  const seeds = text.split(',').map(part => (/^\d{1,10}$/.test(part.trim()) ? Number(part) : NaN));
  if (!seeds.every(seed => seed <= 0xffff_ffff) || new Set(seeds).size < seeds.length) {
    throw new InvalidArgumentError('Give different whole numbers of 0 or more between commas.');
  }
  return seeds;
}
