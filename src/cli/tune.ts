import { Command } from 'commander';
import { addGpuOptions, collect, dataDescription, integer } from './options.js';
import { addQueueOptions, isQueued } from './queue/options.js';
import { Interruption } from './signals.js';
import type { TuneFlags } from './tune/flags.js';
import { bestCommand, listCommand, reportCommand } from './tune/saved.js';
import { packageVersion } from './version.js';

export function tuneCommand(exitWith: (code: number) => void): Command {
  const command = new Command('tune')
    .summary("search for the best values of a recipe's fields")
    .description(
      'Train a recipe again and again with other values for some of its fields, and find the best by validation. A study says ' +
        "what is searched and how; its trials are kept in Optuna's journal format, which `optuna-dashboard` opens. The same " +
        'command goes on with a study that was stopped or killed, and may run several times at once.',
    )
    .enablePositionalOptions()
    .option('--study <file>', 'what to search: a .yaml file, or system-b or system-d-lr, which come with facegrad')
    .option('--data <path>', dataDescription)
    .option('--out <folder>', "where trials' run folders go (default: studies/<name of the study>)")
    .option('--storage <file>', 'the journal; several studies may share one (default: journal.log in --out)')
    .option('--trials <n>', "trials in all, those of earlier sittings too (default: the study's)", integer(1))
    .option('--epochs <n>', "epochs of each trial, instead of the recipe's", integer(1))
    .option('--limit <n>', 'use at most n images of each split', integer(1))
    .option('--set <field=value>', 'change a field of the recipe for all trials; may be given several times', collect)
    .option('--workers <n>', 'processes that run trials at the same time', integer(1, 64), 1)
    .option('--take-over', 'go on with trials that run on other machines too; only where nothing runs there any more')
    .option('--json', 'JSON lines on standard output: {"event": "trial-start" | "epoch" | "trial" | "study", …}');
  addGpuOptions(command);
  addQueueOptions(command, 'trials');
  return command
    .addHelpText('after', EXAMPLES)
    .addCommand(bestCommand())
    .addCommand(listCommand())
    .addCommand(reportCommand())
    .action(async (flags: TuneFlags) => {
      exitWith(await runTune(flags));
    });
}

const EXAMPLES = `
Examples:
  facegrad tune --study system-b --data fer2013.csv
  facegrad tune --study mine.yaml --data fer2013.csv --trials 12 --limit 2000 \\
    --workers 2
  facegrad tune --study system-b --data fer2013.csv \\
    --queue redis://queue:6379 --store /mnt/shared
  facegrad tune best studies/system-b --out tuned.yaml
  facegrad tune report studies/system-b`;

/** Gives the exit code. */
async function runTune(flags: TuneFlags): Promise<number> {
  if (isQueued(flags)) {
    const { tuneOnQueue } = await import('./queue/tune.js');
    return tuneOnQueue(flags);
  }
  const { openStudy } = await import('./tune/open.js');
  const { out, study } = await openStudy(flags);
  const { StudyJsonReporter, StudyPlainReporter } = await import('./report/study.js');
  const reporter = flags.json ? new StudyJsonReporter() : new StudyPlainReporter();
  const interruption = new Interruption(() => {
    reporter.note('stopping after this step and saving; once more stops at once');
  });
  try {
    reporter.start({
      name: study.definition.name,
      journal: study.journal.path,
      total: study.total,
      trials: study.trials,
    });
    if (flags.workers > 1) {
      const { runWorkers } = await import('./tune/workers.js');
      await runWorkers(flags, out, reporter, interruption);
    } else {
      const { runStudy } = await import('../train/study/run-study.js');
      const { loadRunDataVisibly } = await import('./load-data.js');
      const { stopWithParent } = await import('./parts.js');
      const signal = AbortSignal.any([interruption.signal, stopWithParent()]);
      const { adapter, backend, data, takeOver } = flags;
      await runStudy(study, {
        ...{ out, reporter, adapter, backend, data, takeOver, signal, version: packageVersion() },
        loadData: loadRunDataVisibly,
      });
    }
    await study.journal.sync();
    reporter.end(study.state, { total: study.total, interrupted: interruption.exitCode !== undefined, out });
    return interruption.exitCode ?? 0;
  } finally {
    reporter.dispose();
    interruption.dispose();
  }
}
