import { Command, InvalidArgumentError, Option } from 'commander';
import { codeOf, DEFAULT_OUT, planComparison, showComparison, type CompareFlags } from './comparison.js';
import { addDataOptions } from './data-options.js';
import {
  addGpuOptions,
  collect,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  precisionOption,
} from './options.js';
import { addQueueOptions, isQueued } from './queue/options.js';
import { Interruption } from './signals.js';
import { packageVersion } from './version.js';

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
    .option('--out <folder>', 'where the runs and the comparison go (default: comparison)')
    .option('--autotune', 'look for faster kernels also on a software adapter')
    .option('--no-autotune', 'take the table of default kernels')
    .option('--no-tensorboard', 'write no events for TensorBoard into the run folders')
    .addOption(new Option('--csv', 'CSV on standard output, a line for each run').conflicts('json'))
    .option('--json', `${jsonDescription}; with --queue JSON lines, the comparison last`);
  addDataOptions(command);
  addGpuOptions(command);
  addQueueOptions(command, 'recipes');
  command.addHelpText(
    'after',
    `
Examples:
  facegrad compare --recipes 'system-a/*' --data fer2013.csv --out system-a
  facegrad compare --recipes system-a/simple-cnn mine.yaml --data fer2013.csv \\
    --epochs 5 --seeds 1,2,3
  facegrad compare --recipes 'system-a/*' --data fer2013.csv \\
    --queue redis://queue:6379 --store /mnt/shared`,
  );
  return command.action(async (flags: CompareFlags) => {
    exitWith(await runCompare(flags));
  });
}

/** Gives the exit code. */
async function runCompare(flags: CompareFlags): Promise<number> {
  const { autotune, tensorboard, adapter, backend } = flags;
  if (isQueued(flags)) {
    const { compareOnQueue } = await import('./queue/compare.js');
    return compareOnQueue(flags);
  }
  const { out = DEFAULT_OUT } = flags;
  const { plan, title } = await planComparison(flags, out);
  const { runExperiments } = await import('../evaluate/experiments/index.js');
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
      ...{
        adapter,
        backend,
        autotune,
        tensorboard,
        note,
        title,
        signal: interruption.signal,
        version: packageVersion(),
      },
      load: loadRunDataVisibly,
      reporterFor: () => new BriefReporter(),
    });
    await showComparison(comparison, out, flags);
    if (interruption.exitCode !== undefined) {
      note('interrupted and saved; the same command goes on');
      return interruption.exitCode;
    }
    return codeOf(comparison);
  } finally {
    interruption.dispose();
  }
}

function parseSeeds(text: string): number[] {
  const seeds = text.split(',').map(part => (/^\d{1,10}$/.test(part.trim()) ? Number(part) : NaN));
  if (!seeds.every(seed => seed <= 0xffff_ffff) || new Set(seeds).size < seeds.length) {
    throw new InvalidArgumentError('Give different whole numbers of 0 or more between commas.');
  }
  return seeds;
}
